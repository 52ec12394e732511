"""How common English words are: four bands, from words that say nothing to words that say little.

Written for this project by hand, in the order of everyday frequency; exact ranks do not matter,
since the bands only approximate an inverse document frequency (`ln(rank)`, scaled so that a word
outside every band weighs 1). Inflected forms are left out: they are compared by stem.
"""

FUNCTION = """
a an the this that these those here there i me my mine we us our ours you your yours he him his she
her hers it its they them their theirs one ones oneself myself yourself himself herself itself
ourselves yourselves themselves who whom whose which what when where why how whatever whichever
whoever whenever wherever is am are was were be been being isn aren wasn weren ain do does did
doing done don doesn didn have has had having haven hasn hadn can could will would shall should may
might must ought couldn won wouldn shouldn mustn needn let s t d m ll re ve and or but nor so yet
if then else than because as until while although though since unless whereas whether of at by for
with about against between into through during before after above below to from up down in out on
off over under again further once upon within without across along around among amid onto toward
towards per via despite except like near not no none never nothing nobody neither both either each
every any anything anyone all some something someone few more most many much other others another
such same own only just too very also even still already always often sometimes usually now ever
quite rather almost maybe perhaps well etc ie eg vs yes ok okay oh hi hello thank thanks please mr
mrs ms dr am pm st nd rd th p
"""

BOILERPLATE = """
according additionally addition answer answering apart article aside based basis below case
conclude conclusion consider context data depend depending describe description detail document due
especially essentially essential example excerpt explicit explicitly fact finally first firstly
follow following furthermore general generally give given hand hence hope however important
importantly in-depth include including indeed indicate information instance instead involve keep
key know last lastly list main mainly make mean mention mentioned mind moreover namely necessary
necessarily nevertheless next note noted number ordinarily overall paragraph particular
particularly passage point possible potentially previously primarily provide provided question
reason recommend refer regarding related relevant remember respectively response result say second
secondly section sentence several shortly similarly simply source specific specifically specify
state statement step suggest suggestion sum summarize summary text therefore third thirdly thus tip
topic type typically typical unable unclear understand unfortunately variety various way worth
write
"""

EVERYDAY = """
time year people day man woman child thing world life part place work week number group problem
fact good new old great high small large big long little right left early young important public
bad able different next last get go come see take make know think say want use find tell ask seem
feel try leave call need become begin start show play run move live believe hold bring happen write
sit stand lose pay meet set learn lead change watch stop create speak read allow add spend grow
open walk win offer remember love consider appear buy wait serve die send expect build stay fall
cut reach kill remain suggest raise pass sell require report decide pull help turn put look talk
back home house water room mother father area money story month lot study book eye job word
business issue side kind head service friend power hour game line end member law car city community
name president team minute idea body information school student family state country company system
program question government night point hand company case far away later least less better best
worse worst real sure true whole full free easy hard simple short low late hot cold common likely
certain close clear single major recent various current available main general local national human
black white red first second third fourth fifth two three four five six seven eight nine ten dozen
hundred thousand million half today tomorrow yesterday morning evening soon together enough ago
really actually probably certainly especially perhaps quickly slowly easily especially exactly
nearly mostly together apart inside outside behind forward next near far top bottom front back
level order form result reason process amount piece bit everyone everything anybody thus person men
women boy girl food air land street door window table bed town road age party office war history
art music film market price cost value rate percent plan project product class course care health
death force effect action interest research teacher parent baby wife husband son daughter brother
sister eat drink sleep carry break happen develop choose continue produce increase reduce improve
cause affect support protect prevent control check complete finish receive accept agree explain
describe discuss provide include follow enter return join visit travel drive fly ride draw paint
sing dance cook clean wash wear throw catch drop fill fix save keep lie hear listen push press hit
touch
"""

FREQUENT = """
ability access accident account achieve active activity actor actual additional address adult
advantage advice afraid afternoon agency agent aim album alive alone alternative amazing american
analysis ancient animal announce annual apartment apple application apply approach appropriate
approve april argue arm army arrange arrive article artist aspect assume attack attempt attend
attention august author authority autumn average avoid award aware bag balance ball band bank bar
base basic battle beach bear beat beautiful beauty beer behavior benefit bill bird birth birthday
blood blow blue board boat bone bonus born boss bottle bowl box brain branch brand bread breakfast
breath bridge bright britain british broad brown budget burn bus busy button cake calm camera camp
campaign cancer candidate capacity capital card career cat category celebrate center central
century ceremony challenge champion chance chapter character charge cheap chemical chicken chief
choice christmas church circle citizen civil claim clothes cloud club coach coast coat code coffee
collect college color column combine comfort command comment commercial commit committee
communicate compare competition complain complex concept concern condition conduct conference
confirm connect consist contact contain content contest contract contribute convert cool copy core
corner correct council count couple court cover crash crazy cream credit crew crime crisis critical
cross crowd cry culture cup customer cycle dad daily damage danger dangerous dark date deal dear
debate debt december decision deep defeat defend define degree delay deliver demand department
design desire desk despite destroy detail determine device difference difficult difficulty dinner
direct direction director disappear discover discovery disease dish distance distribute divide
doctor dog dollar double doubt drama dream dress drug dry duty earn earth east eastern edge edition
education effective efficient effort egg election electric element emergency emotion employ
employee employer empty encourage enemy energy engine engineer english enjoy ensure entire
environment equal equipment error escape establish estimate europe event eventually evidence exact
exam examine excellent exchange exercise exist expand expensive experience experiment expert
express extend extra extreme face facility factor factory fail failure fair faith familiar famous
fan farm farmer fashion fast fat favorite fear feature february fee female field fight figure file
final finance financial finger fire firm fish fit flat flight floor flow flower focus foot foreign
forest forget formal former found france free freedom french fresh friday fruit fuel function fund
funny future gain garden gas gather gene german germany gift glad glass global goal god gold grade
grand grant grass gray green ground growth guarantee guard guess guest guide gun guy hair hall
handle hang happy hat hate heart heat heavy height hide hill hire hole holiday hope horse hospital
host hotel huge hundred hurt ice ideal identify identity ignore image imagine immediate impact
imply impossible impress income independent index individual industry influence initial injury
inner inspire install institution instruction instrument insurance international internet interview
introduce invest investigate invite iron island item january jewish joint joke judge july jump june
justice key kid kitchen knife knock knowledge lab label labor lack lady lake language late latter
laugh launch lawyer layer leaf league leg legal length lesson letter library license lift light
limit link lip literature load loan locate location lock loss loud lunch machine magazine magic
mail maintain male manage management manager manner map march mark marry marriage mass master match
material matter maximum meal measure meat media medical medicine medium memory mental menu message
metal method middle midnight mile military milk mind mine minimum minister minor minute miss
mission mistake mix model modern mom moment monday monitor mood moon moral motion mountain mouth
movement movie multiple murder muscle museum narrow nation natural nature necessary neck negative
neighbor neighborhood network news newspaper nice noise normal north northern nose notice november
object obtain obvious occasion occur ocean october offer officer official oil operate operation
opinion opportunity opposite option orange ordinary organic organization organize origin original
outcome owner pace pack package page pain pair pan paper park parking participate partner past path
patient pattern peace perfect perform performance period permanent permit personal phone photo
phrase physical pick picture pilot pink pipe plane plant plastic plate player pleasure plenty
pocket poem poet point police policy political politics pool poor popular population position
positive pot potential pour practice prepare presence present press pressure pretty previous pride
prime print prior priority prison private prize pro procedure produce professional professor profit
progress promise promote proper property proposal propose prove purchase pure purpose quality
quarter queen quick quiet race radio rain range rank rapid rare raw react reaction ready reality
realize recall recipe recognize recommend record recover refer reflect refuse regard region regular
reject relate relation relationship relative release relief rely religion religious remind remove
rent repair repeat replace reply represent request reserve resource respect respond response
responsible rest restaurant review rich ring rise risk river rock role roll roof root round route
row rule rural rush safe safety salary sale salt sample sand saturday scale scene schedule science
scientific scientist score screen sea search season seat secret secretary section secure security
seed seek select self senior sense sensitive separate september series serious session settle shake
shape share sharp shelf shift shine ship shirt shoe shoot shop shot shoulder shout shut sick sight
sign signal significant silver similar sing site situation size skill skin sky slice slight slow
smart smell smile smoke smooth snow social society soft software soil soldier solid solution solve
song sort soul sound soup source south southern space spanish spare speech speed spirit split sport
spot spread spring square staff stage standard star station status steal steel step stick stock
stomach stone storage store storm straight strange strategy stream strength stress stretch strike
strong structure struggle student studio stuff style subject succeed success successful sudden
suffer sugar suit summer sun sunday supply surface surprise surround survey survive sweet swim
switch symbol symptom talent tall target task taste tax tea teach tear technical technique
technology telephone television temperature tend term terrible test thank theater theme theory
thick thin threat thursday ticket tie tight tiny tip tired tool tooth topic total tour tourist
track trade tradition traditional traffic train training transfer transport travel treat treatment
tree trial trip trouble truck trust truth tube tuesday typical uncle unique unit united university
usual vacation valuable variety vast vegetable vehicle version victim victory video view village
vision voice volume vote wage wake wall warm warn waste wave weak wealth weapon weather web website
wednesday weekend weigh weight welcome west western wide wild willing wind wine wing winter wish
wonder wood worker worry wrong yard yellow
"""

USUAL = """
abandon abroad absence absolute absorb abuse academic accompany accurate accuse acid acknowledge
acquire adapt adequate adjust administration admire admit adopt advance advertise affair afford
african aggressive aid aircraft airline airport alarm alcohol ally alter ambition analyst anger
angle angry ankle anniversary annoy anxiety anxious apparent appeal appearance appetite appoint
appointment appreciate architect architecture arrest arrival arrow ash asian aside asleep assault
assembly assess assessment asset assign assist assistance assistant associate association
assumption assure athlete atlantic atmosphere attach attitude attorney attract attraction
attractive audience audio automatic avenue bacteria bake ban bare barely barrel barrier baseball
basket basketball bath bathroom battery bay bean beef behave belief bell belong belt bench bend
beneath beside bet beyond bible bike billion bind biology bite bitter blade blame blanket blend
blind block bomb bond boot border borrow bother bound brave breast breathe breed brick brief
brilliant broadcast brush bubble bucket bullet bunch burden bury butter buyer cabin cabinet cable
calculate calendar california cancel candle candy cap capable capture carbon cardiac carpet cash
cast castle casual catholic cattle ceiling celebration celebrity cell chain chair chamber channel
charity chart chase chat cheek cheese chef chest childhood chinese chip chocolate cholesterol
cigarette cinema circumstance cite classic classroom client climate climb clinic clinical clock
cloth cluster cocktail cognitive collapse colleague collection collective colony columbia combat
combination comedy comfortable commander commission commitment companion comparison compete
competitive complaint component compose composition compound comprehensive comprise compromise
computer concentrate concentration concert concrete confidence confident conflict confront confuse
confusion congress connection conscious consequence conservative consistent constant constitute
construct construction consult consultant consume consumer consumption contemporary continent
contrast contribution controversial convention conventional conversation conversion convince cookie
corporate corporation correspond cottage cotton cough counter county courage cousin crack craft
creation creative creature creek criminal criteria critic criticism criticize crop crucial crush
crystal cultural cure curious currency curriculum curtain curve custom dealer decade decline
decorate decrease dedicate defense deficit definition deliberate delicate delight delivery
democracy democratic demonstrate density deny depart departure dependent deposit depression depth
deputy derive desert deserve designer desperate dessert destination destruction detect detective
develop diabetes diagnose diagnosis dialogue diet differ digital dimension dirt dirty disability
disagree disappoint disaster discipline discount discrimination dismiss disorder display dispute
distant distinct distinction distinguish distribution district disturb diverse diversity divorce
domestic dominant dominate donate dose dot downtown dozen draft drag drain dramatic drawer dust
dynamic eager ear earnings ease economic economy editor educate effect eighteen elbow elderly elect
electrical electricity electronic elegant elementary eleven eliminate elite elsewhere email embrace
emerge emission emphasis emphasize empire employment enable encounter engage engagement enhance
enormous enterprise entertain entertainment entrance entry episode equation equip era essay essence
establishment estate ethnic evaluate evaluation evil evolution evolve exceed exception excite
exciting exclude exclusive excuse executive exhibit exhibition existence exit expansion expectation
expense experienced explanation explode exploit explore explosion export expose exposure expression
extension extensive extent external extraordinary fabric faculty fade faint false fame fantasy
fasten fatal fate fault favor federal feed feedback fellow fence fiber fiction fifteen fifty filter
finding finish firefighter fitness flag flame flash flavor flee fleet flesh flexible float flood
flour fluid fold folk football forever formation formula forth fortune foundation founder fourteen
fraction frame framework freeze frequency frequent fridge friendly friendship frozen frustrate fry
full-time fully fundamental funeral furniture gallery gang gap garage garlic gate gay gaze gender
generate generation genetic gentle gentleman genuine gesture ghost giant glance glasses glove goods
govern governor grab grace gradual graduate grain grandfather grandmother graph grateful grave
greek greet grocery guideline guilty guitar habit handful handsome harm harmful hazard headache
headline headquarters healthy hearing heaven heel helicopter hell helpful hero hesitate highlight
highway hip hockey honest honey honor horizon hormone horror household housing humor hungry hunt
hurry hypothesis ideology illegal illness illustrate immigrant immune implement import impose
impression impressive improvement incident inch incorporate incredible india indian infant
infection inflation ingredient inhabitant initiative injure innocent innovation input inquiry
insect insert insight insist inspection inspector institute insult intelligence intelligent intend
intense intensity intention interact interaction interior internal interpret interpretation
interrupt interval invasion investment investor invisible involvement irish irritate isolate
italian jacket jail japan japanese jeans jet jewelry journal journalist journey joy juice junior
jury kick kidney killer king kingdom knee label lamb landscape lane laptop laser latin laundry lawn
lay leadership lean leap leather lecture legacy legend legislation legitimate lemon lend lens
liability liberal liberty lid lifestyle lifetime limb limitation liquid literally literary liver
living log logic logical london lonely loose lover lower loyal luck lucky lung luxury magnetic
maintenance majority makeup manufacture manufacturer margin marine mask massive math mathematics
mature mayor meaning meaningful means meanwhile mechanic mechanism medication meeting membership
merchant mere merge mess mexican mexico mild mineral ministry minority mirror mixture mobile mode
moderate modest modify moisture molecule monthly monument mortgage motivate motivation motor mount
mouse mud murderer mushroom mutual mystery myth nail naked native navy neat necessarily needle
negotiate nerve nervous nest net neutral nevertheless nod nonetheless normally notable notion novel
nowhere nuclear numerous nurse nut nutrition oak obey objective obligation observation observe
observer occupy odd offense offensive offset olympic ongoing onion online opening opera operator
opponent oppose opposition oral orbit orchestra organ orientation oven overcome overlook overnight
overwhelm owe oxygen pacific pad palace pale palm panel panic pants parade parliament participant
partial particle partnership passage passenger passion passive passport password paste patch
patience pause payment peak peanut peer pen penalty pencil pension pepper perceive percentage
perception permission persist personality personnel perspective persuade pet phase phenomenon
philosophy photograph photographer physician physics piano pile pill pillow pin pine pitch pizza
planet platform pleasant plot plug plus pole poll pollution pop porch portion portrait portray pose
possess possession possibility post potato pound poverty powder powerful practical praise pray
prayer precise predict prediction prefer preference pregnancy pregnant premium preparation
prescription presentation preserve pretend prevention priest primary prince princess principal
principle privacy privilege procedure processing producer profession profile profound prohibit
prominent prompt proof proportion prosecutor protection protein protest proud province provision
psychological psychologist psychology publication publicity publish publisher punish punishment
pupil qualify quote rabbit racial radical rail railroad ranch random rating ratio rational reader
rebel receipt receiver recession reckon recovery recruit recycle reduction reference reform
refrigerator refugee regime register regret regulate regulation rehearsal reinforce relax relevant
reliable reluctant remarkable remedy remote repeatedly reporter representation representative
republic republican reputation rescue researcher resemble reservation resident resist resistance
resolution resolve resort respectively responsibility restore restrict restriction retail retain
retire retirement reveal revenue reverse revolution reward rhythm rice rider rifle ritual rival
roar rob robot romantic rope rough routine royal rub ruin runner russia russian sacred sacrifice
sad sail sailor sake salad satellite satisfaction satisfy sauce scan scandal scare scatter scenario
scholar scholarship scope scream script sculpture seal secondary sector segment seize selection
senate senator sentence separation sequence servant settlement severe sex sexual shade shadow
shallow shame sheep sheet shell shelter shock shore shortage shorts shower shrink sibling sigh
silence silent silk silly sink sir situate sixteen sketch ski slave slide slip slope smartphone
snake soap so-called soccer socket sofa solar sole somehow somewhat somewhere sophisticated sorry
southeast southwest spain specialist specialize species specify spell sphere spicy spin spokesman
sponsor spoon spray stable stair stake stamp stare starter steady steam steep stem stir strain
stranger strengthen strict string strip stroke stupid submit subsequent substance substantial
substitute suburb succession sue sufficient suitable sum super supermarket supplement supporter
suppose supreme surgeon surgery survival survivor suspect suspend sustain swear sweat sweep swing
sympathy tail tale tank tap tape teaspoon tablespoon teen teenager telescope temple temporary
tendency tennis tension tent territory terror terrorist testify testing texas texture thanks
therapist therapy thereby thirty thirteen thorough thread threaten threshold throat throughout
thumb thumb till timber tissue title toe toilet tomato tone tongue tonight touchdown tough towel
tower toy trace trail trait transform transition translate translation transmission transmit trap
trash treasure treaty tremendous trend tribe trick trigger troop tropical tune tunnel twelve twenty
twice twin twist ugly ultimate unable unemployment unexpected union universal universe unknown
unlike unlikely unusual update upper upset urban urge user utility vaccine valid valley van vanish
variable variation vary venture venue verdict version vertical vessel veteran victim viewer violate
violation violence violent virtual virtue virus visible visitor vital vitamin vocabulary volunteer
voter vulnerable wagon waist wander warning weakness wedding weekly welfare whisper widespread
width willingness wipe wire wisdom wise withdraw witness wooden wool workout workplace workshop
worldwide wound wrap wrist writer youth zone
"""
