"""Everyday words that a paraphrase swaps for one another, in groups.

Small on purpose: a group holds words that mean the same in most sentences (`buy`, `purchase`), not
related ones (`cat`, `dog`), and never opposites. A word may stand in more than one group.
"""

from functools import cache

from evalgate.text.stem import stem

__all__ = ["synonym_groups"]

_GROUPS = """
about around approximately roughly circa approx; able can capable; accept take; accompany join;
accurate correct exact precise; achieve accomplish reach attain; acquire obtain get gain; add
include; additional extra more further; adult grown; advise recommend suggest advice; advantage
benefit pro; afraid scared frightened; aid help assist assistance support; aim goal target
objective purpose; allow permit let enable; amount quantity; angry mad furious; annual yearly year
annually; answer reply respond response; apartment flat; appear seem look; appear emerge; area
region zone; argue claim contend; arrange organize; ask request inquire; assess evaluate; attempt
try effort; attractive appealing; author writer write; automobile car vehicle auto; autumn fall;
avoid prevent; award prize; baby infant newborn; bad poor; ban prohibit forbid outlaw; beautiful
pretty lovely; begin start commence launch; belief opinion view think believe; big large huge great
sizable; bike bicycle; boil simmer; boss manager supervisor; brief short; build construct erect
make create; business company firm enterprise; buy purchase; calm peaceful quiet; capture catch;
care treat; cause lead result trigger produce reason; cell mobile phone; center centre middle;
change alter modify vary switch; cheap inexpensive affordable low; check examine inspect verify;
chief main primary principal major key; child kid youth; choose select pick opt; city town; clean
wash; clear obvious; clever smart intelligent; close shut; clothes clothing garment; collect
gather; comfortable cozy; common frequent usual typical popular; complete finish full entire whole;
complain complaint; concern worry; connect link associate tie relate; consider think regard deem;
contain include have hold; continue proceed keep remain; convert turn; cook prepare; cool chill;
correct right; cost price expense charge fee; country nation; courage bravery; crucial vital
essential key important critical; cry weep; customer client guest patron diner reviewer visitor;
cut reduce slash trim; damage harm hurt injure; dangerous hazardous risky; day daily; deadly fatal
lethal; decide determine; decrease reduce lower lessen decline drop fall lower; defeat beat; delay
postpone; demonstrate show prove; deny refuse reject; depart leave; describe explain; desire want
wish; destroy ruin demolish wreck; determine find establish; detect find discover notice; develop
create; device machine gadget appliance; die death dead perish decease; different distinct differ
various; difficult hard tough challenging; dim faint; dirt soil ground; disappear vanish; discard
throw dispose toss trash; discover find; discuss talk; disease illness sickness condition ailment;
display show exhibit; divide split separate; doctor physician; drink beverage; drug medicine
medication medical pharmaceutical; dry arid; earn make; earth world globe; easy simple effortless;
eat consume; education school; effect impact influence; elderly old senior; employ hire use;
employee worker staff; empty vacant; end finish conclude stop; enemy foe; energy power; engine
motor; enjoy like love appreciate; enough sufficient adequate; enter join; environment
surroundings; error mistake fault; escape flee; evaluate assess; evening night; examine study
inspect investigate; excellent great outstanding; expand grow enlarge extend; expect anticipate;
expensive costly pricey; explain clarify; extend stretch; face confront; fail break; fair just;
fall drop; famous known renowned; far distant; fast quick rapid swift speedy quickly; fat grease;
father dad; fear dread; feature characteristic trait attribute; feel sense; female woman; few
several; film movie picture; fix repair mend; flammable combustible; floor story storey; food meal
dish cuisine; foot ft feet; forest wood; frequent often; friend pal; friendly kind; frighten scare;
fuel gas; funny humorous amusing; garbage trash rubbish waste; gas petrol gasoline; get receive
obtain; gift present; girl woman; give provide offer supply; go travel; good fine; government
state; grab take; grow increase rise; guarantee assure; guard protect; guess estimate; guide lead;
happen occur; happy glad pleased content; harbor port; hard solid; harm damage; hate dislike;
headquarters base; heal cure; healthy well fit; heat warm warmth hot; heavy strong; help aid
assist; hide conceal; high tall elevated; highway road; hint clue; hit strike; home house residence
household; homeowner owner; honest truthful; hour hr h; huge enormous massive vast; hurt pain ache;
idea concept notion; identify recognize; ill sick unwell; immediately instantly promptly; import
bring; improve enhance better boost; inch in; include contain comprise consist; income earnings pay
salary wage; increase raise rise grow boost; indicate show suggest signal; indoors inside interior
indoor; inform tell notify; inhabitant resident citizen; insect bug; inside within; instruct teach;
intend plan; investigate examine study probe; job work position occupation post role; join connect;
journey trip travel voyage; keep retain maintain; kill murder; kind type sort; kilogram kg;
kilometer km kilometre; kilometre km; know understand; lack without missing; land ground; language
tongue; last final; last endure; late delayed; later after afterwards; law rule legislation; lawyer
attorney; learn study; leave depart; legal lawful; lessen reduce; level degree; lift raise; light
lamp; like similar; little small tiny; live reside dwell inhabit; liter litre l; locate situate
find; lose loss; lot many much numerous; loud noisy; love affection; machine device; mail post;
maintain keep preserve; man male; marry wed; match game; mature ripe; maximum max most; may might
could possibly; meter metre m; method way technique approach; mile mi; minimum least; minute min;
mix combine blend; modern contemporary; mold mould; money cash fund; month monthly; mother mom mum;
motion movement; move relocate transfer; movie film; narrow thin; near close nearby beside; need
require necessary must; neighbor neighbour; new recent novel; nice pleasant; normal regular
ordinary usual typical; notice observe see; number figure; obey follow; obtain get; odd strange
unusual; odor smell scent; offer give; often frequently; old ancient aged; open unlock; opponent
rival; opportunity chance; oppose resist; option choice alternative; organ body; origin source;
originate begin come stem; ounce oz; outcome result; outdoors outside outdoor; own possess have;
pain discomfort ache; paint picture; pair two; pal friend; part portion piece section; particular
specific; passage text; path way; patient sick; pay spend; people person human individual; percent
percentage; permit allow; person individual; phone telephone call; photo photograph picture image;
place put set lay; place location site spot area; plan intend; plant grow sow; play perform;
pleasant nice; plenty enough; poison toxic; popular common; possible potential maybe; pound lb;
poor needy; power strength; praise compliment; pregnant pregnancy; prepare ready; press push;
pretty attractive; prevent stop avoid protect; price cost; problem issue trouble; produce make
manufacture; produce fruit vegetable; profit earnings; project plan; promise vow; promote advance;
proof evidence; protect guard shield safeguard; publish release issue; pull drag; punish fine;
pupil student learner; purchase buy; push press; put place; quality standard; quick fast; quit
stop; raise lift; rank rate; rarely seldom; reach get arrive; read study; real true genuine actual;
rear back bottom; reason cause; receive get; recognize know; record log; reduce lower cut lessen
decrease; refund repay; regular normal; reject refuse; release emit free; relieve ease alleviate
soothe; rely depend; remain stay; remember recall; remove eliminate eradicate rid take delete
erase; repair fix; repeat redo again; replace substitute swap change; report say tell state;
represent show; require need; rescue save; research study; researcher scientist; resident
inhabitant people; resolve solve settle; restaurant eatery diner; result outcome consequence;
return back; reveal show disclose; review critique; rich wealthy; right correct; rise climb; risk
danger; road street highway; rob steal; rock stone; rule regulation; run operate; rush hurry; sad
unhappy; safe secure; salary wage pay; same identical equal; save keep rescue; say state tell claim
announce; scientist researcher expert; sea ocean; second sec s; see view watch spot; select choose;
sell market; send ship mail deliver; serious severe grave; set put; shape form; share divide; shift
move; ship vessel boat; shoe footwear; shop store; short brief; shot injection; show display
reveal; shut close; sick ill; side edge; sign indicator symptom; signal sign; silent quiet; similar
alike like resemble; simple easy basic; single one; size dimension; skill ability; skin hide; sleep
rest; slow gradual; small little tiny; smart intelligent; smell odor; soft gentle tender; soil
earth; solution answer; song tune; soon shortly; sound noise; speak talk; special unique; speed
pace rate; spoil rot; spot stain mark; stage phase; stand tolerate; start begin; state say; stay
remain; steal take; steel metal; step stage; stop halt cease end; storm gale; story tale; stove
range; strange weird odd; street road; strength power; stress strain tension; strong powerful;
student pupil; study research; stuff things; style fashion; subject topic; succeed prosper;
sufferer victim; suitable appropriate fit good; sum total; summary overview; sunlight sun; supply
provide give; support help back; sure certain; surprise amaze; surround enclose; survey poll;
swelling inflammation; symptom sign; talk speak; target aim; task job duty; tasty delicious; teach
train instruct; teacher instructor; team crew squad; television tv; tell say; temperature temp;
tend incline; terrible awful; test exam check; thin slim; thing item object; think believe; tidy
neat; tie attach; time period; tired fatigue exhausted weary; tool instrument; top peak; total
whole overall; tour trip; track trail; trade exchange; trash garbage; treat therapy treatment; trip
journey; trouble difficulty problem; true right; trust faith; truth fact; try attempt; turn rotate
spin; type kind; uncover reveal; under below beneath; understand comprehend; unite join; unusual
rare uncommon; update revise; use utilize employ usage utilise; useful helpful; usual normal; value
worth; variety range; vast huge; verify confirm; view sight; violence force; vote ballot elect;
walk stroll; want desire; war conflict; warm heat; warn alert caution; wash clean rinse; waste
trash; watch observe; water liquid; way manner; weak feeble; wealth riches; wear dress; week
weekly; weight mass; wet damp moist dampen; wide broad; wife spouse; win victory triumph; woman
female lady; wonderful great; word term; work job; work function operate; world global worldwide
international; worry anxiety; worth value; write author; wrong incorrect false; year annual; young
youth juvenile; hertz hz; gram g; celsius c; fahrenheit f; dollar usd; euro eur; vegetarian vegan;
takeout takeaway; wifi internet wireless; weekend saturday sunday; accumulate build; deposit
buildup; stalk stem; flower bloom blossom; pipe tube; physicist scientist; restroom bathroom
toilet; vacation holiday; teen teenager adolescent; truck lorry; elevator lift; cab taxi; soccer
football; sneaker shoe; couch sofa; stove oven; fridge refrigerator; grocery supermarket; rehearse
practice; flavor taste; spice season; pan skillet saucepan pot; bake roast; ad advertisement
commercial; bankrupt insolvent; loan credit; rent lease; landlord owner; tenant renter; layoff fire
dismiss; strike walkout; ally partner; troop soldier; gun firearm weapon; jail prison; arrest
detain; accuse charge; convict guilty; sue lawsuit litigation; appeal challenge; marijuana
cannabis; sunrise dawn; sunset dusk; fog mist; hurricane cyclone typhoon; flood inundate;
earthquake quake; fire blaze flame burn ignite; explode blast explosion; crash collision wreck
accident; ferry ship boat; plane aircraft airplane jet; airport airfield; passenger rider traveler;
sailor seaman; evacuate remove leave; injure hurt victim casualty; survive live; hospital clinic;
surgery operation; nurse caregiver; therapy treatment; cancer tumor; heart cardiac; stomach abdomen
belly; kidney renal; lung pulmonary; skin dermal; tooth dental; eye vision; pill tablet; dose
dosage; vaccine shot; germ bacteria microbe; infect infection; america us usa american states;
britain uk british england english; germany german; france french; netherlands dutch holland; china
chinese; japan japanese; russia russian; spain spanish; italy italian; india indian; canada
canadian; mexico mexican; australia australian; europe european; africa african; asia asian; street
st; avenue ave; boulevard blvd; road rd; january jan; february feb; march mar; april apr; august
aug; september sept sep; october oct; november nov; december dec
"""


@cache
def synonym_groups() -> dict[str, tuple[int, ...]]:
    """Return the groups of each stem: `{stem: (group, ...)}`; words of one group are synonyms."""
    found: dict[str, list[int]] = {}
    for number, group in enumerate(_GROUPS.split(";")):
        for member in {stem(word) for word in group.split()}:
            found.setdefault(member, []).append(number)
    return {member: tuple(numbers) for member, numbers in found.items()}
