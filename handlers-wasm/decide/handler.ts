import { Json, JsonWriter } from "tasker-wasm-broker/assemblyscript";
import { compileCondition } from "tasker-wasm-broker/assemblyscript/rules/condition";
import {
  refuseUnknownMembers,
  requireArray,
  requireObject,
  requireString,
} from "tasker-wasm-broker/assemblyscript/rules/config";

/** Picks the steps that come next: those of the first rule whose condition holds for the input. */
@handler("decide")
function decide(input: Json, config: Json): JsonWriter {
  refuseUnknownMembers(config, ["rules", "otherwise"], "config");
  const rules = requireArray(config.get("rules"), "config.rules");
  let index = 0;
  let chosen = -1;
  let branch = config.get("otherwise");
  // Every rule is compiled, so that a mistake in a later one shows whatever the input is.
  for (let rule = rules.firstChild; rule != rules.afterLast; rule = rule.next) {
    const at = "config.rules[" + index.toString() + "]";
    requireObject(rule, at);
    refuseUnknownMembers(rule, ["when", "steps", "reason"], at);
    const condition = compileCondition(rule.get("when"), at + ".when");
    if (chosen < 0 && condition.holds(input)) {
      chosen = index;
      branch = rule;
    }
    index++;
  }
  return outcome(branch, chosen);
}

function outcome(branch: Json, rule: i32): JsonWriter {
  const output = new JsonWriter();
  output.beginObject().key("decision_point_outcome").beginObject();
  const steps = branch.isMissing ? branch : requireArray(branch.get("steps"), "config steps");
  if (steps.length == 0) output.key("type").string("no_branches");
  else {
    output.key("type").string("create_steps").key("step_names").beginArray();
    for (let step = steps.firstChild; step != steps.afterLast; step = step.next) {
      output.string(requireString(step, "config step name"));
    }
    output.endArray();
  }
  output.endObject().key("rule");
  if (rule < 0) output.null();
  else output.integer(rule);
  return output.key("reason").json(branch.get("reason")).endObject();
}
