// A tool-calling agent with the openai npm package; it knows nothing of evalgate.
import OpenAI from "openai";

const client = new OpenAI(); // OPENAI_BASE_URL and OPENAI_API_KEY
const model = "gpt-4o-mini";
const tools = [
  {
    type: "function",
    function: {
      name: "weather",
      parameters: { type: "object", properties: { city: { type: "string" } } },
    },
  },
];
const messages = [{ role: "user", content: "Weather in Rome?" }];
const first = await client.chat.completions.create({ model, messages, tools });
const turn = first.choices[0].message;
messages.push(turn);
for (const call of turn.tool_calls) {
  messages.push({ role: "tool", tool_call_id: call.id, content: "22 C" });
}
const stream = await client.chat.completions.create({ model, messages, tools, stream: true });
let answer = "";
for await (const part of stream) {
  answer += part.choices[0]?.delta?.content ?? "";
}
console.log(JSON.stringify({ answer }));
