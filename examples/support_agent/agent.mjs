// The same support agent in plain JavaScript: the case comes in on stdin, the answer goes out on
// stdout. It asks the shop's tools through `python3 shop.py NAME ARGUMENTS`.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const MAX_CALLS = 8;
const shop = join(dirname(fileURLToPath(import.meta.url)), "shop.py");
const python = process.env.PYTHON ?? "python3";
const tool = (...words) => execFileSync(python, [shop, ...words], { encoding: "utf8" });
const tools = JSON.parse(tool("tools"));
const { case: given } = JSON.parse(readFileSync(0, "utf8"));
const system =
  "You are the support agent of a small shop.\n" +
  "Always look the order up before you refund, cancel or change it.\n" +
  "Hand over to a person when the customer asks for one. " +
  "Decline what has nothing to do with the shop.\n";

async function complete(messages) {
  const response = await fetch(`${process.env.OPENAI_BASE_URL}/chat/completions`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      authorization: `Bearer ${process.env.OPENAI_API_KEY}`,
    },
    body: JSON.stringify({ model: "gpt-4o-mini", messages, tools, temperature: 0 }),
  });
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  return (await response.json()).choices[0].message;
}

const messages = [{ role: "system", content: system }, ...given.messages];
let answer = "I could not finish this.";
for (let i = 0; i < MAX_CALLS; i++) {
  const message = await complete(messages);
  messages.push(message);
  if (!message.tool_calls) {
    answer = message.content;
    break;
  }
  for (const { id, function: call } of message.tool_calls) {
    const content = tool("call", call.name, call.arguments).trim();
    messages.push({ role: "tool", tool_call_id: id, content });
  }
}
process.stdout.write(JSON.stringify({ output: answer }));
