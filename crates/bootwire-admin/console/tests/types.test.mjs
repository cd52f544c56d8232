// What the console believes of the API (`types.d.ts`) is what the API says of itself (`openapi.json`).

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const HERE = path.dirname(fileURLToPath(import.meta.url));
const ROOT = path.join(HERE, "../../../..");
const ts = createRequire(path.join(ROOT, "target/console/package.json"))("typescript");

/** Where the console has another name for a type than the API. */
const NAMES = {
  Cache: "CacheView",
  Configuration: "ConfigView",
  Exporter: "ExporterDrops",
  HelloEvent: "Hello",
  Inventory: "InventoryView",
  LagEvent: "Lag",
  Origin: "OriginView",
  Stage: "BootStage",
  TransferRecord: "Record",
  Verdict: "BootVerdict",
};

/** Kinds of values, as JSON Schema calls them, that a type of TypeScript allows. */
function kinds(type, aliases) {
  switch (type.kind) {
    case ts.SyntaxKind.StringKeyword:
      return ["string"];
    case ts.SyntaxKind.NumberKeyword:
      return ["integer", "number"];
    case ts.SyntaxKind.BooleanKeyword:
      return ["boolean"];
    case ts.SyntaxKind.ArrayType:
      return ["array"];
    case ts.SyntaxKind.UnknownKeyword:
      return null;
    case ts.SyntaxKind.LiteralType:
      return type.literal.kind === ts.SyntaxKind.NullKeyword ? ["null"] : ["string"];
    case ts.SyntaxKind.UnionType: {
      const all = type.types.map((part) => kinds(part, aliases));
      return all.includes(null) ? null : all.flat();
    }
    case ts.SyntaxKind.TypeReference: {
      const alias = aliases.get(type.typeName.text);
      return alias ? kinds(alias, aliases) : ["object"];
    }
    default:
      return ["object"];
  }
}

/** Kinds of values that a schema has. */
function says(schema, schemas) {
  if (schema === true || !Object.keys(schema).length) return null;
  if (schema.$ref) return says(schemas[schema.$ref.split("/").at(-1)], schemas);
  if (schema.type) return [schema.type].flat();
  if (schema.enum || schema.const) return ["string"];
  const parts = (schema.oneOf ?? schema.anyOf ?? schema.allOf)?.map((part) => says(part, schemas));
  return !parts || parts.includes(null) ? null : parts.flat();
}

test("types.d.ts is what the API sends", () => {
  const { schemas } = JSON.parse(readFileSync(path.join(ROOT, "docs/reference/openapi.json"), "utf8")).components;
  const file = path.join(HERE, "../types.d.ts");
  const source = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest);
  const aliases = new Map(source.statements.filter(ts.isTypeAliasDeclaration).map((alias) => [alias.name.text, alias.type]));
  const wrong = [];
  let compared = 0;
  for (const type of source.statements.filter(ts.isInterfaceDeclaration)) {
    const name = NAMES[type.name.text] ?? type.name.text;
    const schema = schemas[name];
    if (!schema) {
      wrong.push(`the API has no ${name}`);
      continue;
    }
    for (const member of type.members.filter(ts.isPropertySignature)) {
      const key = member.name.text;
      const said = schema.properties?.[key] && says(schema.properties[key], schemas);
      const believed = kinds(member.type, aliases);
      if (!schema.properties || !(key in schema.properties)) wrong.push(`${name} has no ${key}`);
      else if (said && believed && !said.filter((kind) => kind !== "null").every((kind) => believed.includes(kind))) {
        wrong.push(`${name}.${key} is ${said}, not ${believed}`);
      }
      compared += 1;
    }
  }
  assert.deepEqual(wrong, []);
  assert.ok(compared > 100);
});
