// Makes the code of src/wire/gen from the repository's proto/client.proto and from proto/store.proto:
// needs protoc (Debian: protobuf-compiler).
//   node scripts/generate.mjs [DIRECTORY]
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";

const here = new URL("..", import.meta.url).pathname;
const root = `${here}../../`;
const out = process.argv[2] ?? `${here}src/wire/gen`;
mkdirSync(out, { recursive: true });
execFileSync(
  "protoc",
  [
    `--plugin=protoc-gen-ts_proto=${root}node_modules/.bin/protoc-gen-ts_proto`,
    `--ts_proto_out=${out}`,
    // Bytes and numbers as they are in JavaScript; encoders and decoders alone, without the JSON
    // forms and the partial constructors that nobody calls.
    "--ts_proto_opt=" +
      [
        "env=browser",
        "forceLong=number",
        "oneof=unions-value",
        "outputJsonMethods=false",
        "outputPartialMethods=false",
        "outputTypeAnnotations=false",
        "outputTypeRegistry=false",
        "exportCommonSymbols=false",
        "snakeToCamel=true",
        "enumsAsLiterals=true",
        "esModuleInterop=true",
        "importSuffix=.ts",
        "annotateFilesWithVersion=false",
      ].join(","),
    `-I${root}proto`,
    `-I${here}proto`,
    "client.proto",
    "store.proto",
  ],
  { stdio: "inherit" },
);
