/**
 * What intelephense, a PHP language server, finds wrong with the plugin: intelephense.mjs PHP-VERSION FOLDER [STUB …].
 *
 * It knows WordPress by stubs of its own. Prints each finding as file:line:column and ends with status 1 if there is any.
 */
import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [phpVersion, given, ...stubs] = process.argv.slice(2);
const folder = path.resolve(given);
const STUBS = ["Core", "ctype", "curl", "date", "fileinfo", "filter", "hash", "json", "mbstring", "pcre", "posix", "random", "Reflection", "SPL", "standard", "superglobals", "tokenizer", "wordpress"];
/** Findings above this severity are hints, which editors show in grey: hooks pass more than each callback needs. */
const INFORMATION = 3;
/** How long, in milliseconds, all of it may take. */
const PATIENCE = 300_000;

const server = createRequire(import.meta.url).resolve("intelephense/lib/intelephense.js");
const storagePath = await mkdtemp(path.join(tmpdir(), "intelephense-"));
const child = spawn(process.execPath, [server, "--stdio"], { stdio: ["pipe", "pipe", "inherit"] });
const answers = new Map();
const diagnostics = new Map();
let indexed;
const ready = new Promise((resolve) => (indexed = resolve));
let last = 0;

function send(message) {
	const body = JSON.stringify({ jsonrpc: "2.0", ...message });
	child.stdin.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}

function ask(method, params) {
	const id = ++last;
	send({ id, method, params });
	return new Promise((resolve, reject) => answers.set(id, { resolve, reject }));
}

const settings = {
	stubs: STUBS,
	environment: { phpVersion },
	diagnostics: { enable: true, run: "onType" },
	files: { maxSize: 5_000_000, exclude: [] },
	telemetry: { enabled: false },
};

function take(message) {
	if (message.id !== undefined && message.method) {
		const result = message.method === "workspace/configuration" ? message.params.items.map(() => settings) : null;
		send({ id: message.id, result });
	} else if (message.id !== undefined) {
		const { resolve, reject } = answers.get(message.id);
		message.error ? reject(new Error(message.error.message)) : resolve(message.result);
	} else if (message.method === "indexingEnded") {
		indexed();
	} else if (message.method === "textDocument/publishDiagnostics") {
		diagnostics.set(message.params.uri, message.params.diagnostics);
	}
}

let buffer = Buffer.alloc(0);
child.stdout.on("data", (chunk) => {
	buffer = Buffer.concat([buffer, chunk]);
	for (;;) {
		const end = buffer.indexOf("\r\n\r\n");
		const length = end < 0 ? NaN : Number(/Content-Length: (\d+)/i.exec(buffer.subarray(0, end))[1]);
		if (!(buffer.length >= end + 4 + length)) {
			return;
		}
		const body = buffer.subarray(end + 4, end + 4 + length);
		buffer = buffer.subarray(end + 4 + length);
		take(JSON.parse(body));
	}
});

async function examine() {
	const rootUri = pathToFileURL(folder).href;
	await ask("initialize", {
		processId: process.pid,
		rootUri,
		workspaceFolders: [{ uri: rootUri, name: "plugin" }],
		capabilities: {
			workspace: { configuration: true, workspaceFolders: true, didChangeConfiguration: { dynamicRegistration: true } },
			textDocument: { publishDiagnostics: {} },
		},
		initializationOptions: { storagePath, globalStoragePath: storagePath, clearCache: true },
	});
	send({ method: "initialized", params: {} });
	send({ method: "workspace/didChangeConfiguration", params: { settings: { intelephense: settings } } });
	await ready;
	const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith(".php")).map((name) => path.join(folder, name));
	for (const file of [...stubs, ...files]) {
		const uri = pathToFileURL(path.resolve(file)).href;
		send({ method: "textDocument/didOpen", params: { textDocument: { uri, languageId: "php", version: 1, text: await readFile(file, "utf8") } } });
	}
	while (files.some((file) => !diagnostics.has(pathToFileURL(file).href))) {
		await new Promise((resolve) => setTimeout(resolve, 100));
	}
	// A file may be looked at again once all others are known.
	await new Promise((resolve) => setTimeout(resolve, 2000));
	return files;
}

const late = new Promise((_, reject) => setTimeout(() => reject(new Error("intelephense did not finish")), PATIENCE).unref());
let found = 0;
try {
	const files = await Promise.race([examine(), late]);
	for (const file of files) {
		for (const { range, message, code, severity } of diagnostics.get(pathToFileURL(file).href)) {
			if (severity > INFORMATION) {
				continue;
			}
			console.log(`${path.relative(process.cwd(), file)}:${range.start.line + 1}:${range.start.character + 1}: ${message} (${code})`);
			found++;
		}
	}
	console.log(`intelephense, PHP ${phpVersion}: ${files.length} files, ${found} findings`);
} finally {
	child.kill();
	await rm(storagePath, { recursive: true, force: true });
}
process.exit(found ? 1 : 0);
