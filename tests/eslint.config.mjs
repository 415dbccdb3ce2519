import js from "@eslint/js";
import globals from "globals";

export default [
	js.configs.recommended,
	{
		files: [ "wp-plugin/**/*.js" ],
		languageOptions: {
			ecmaVersion: 2022,
			sourceType: "script",
			globals: { ...globals.browser, wp: "readonly" },
		},
		linterOptions: { reportUnusedDisableDirectives: "error" },
		rules: {
			"no-var": "error",
			"prefer-const": "error",
			eqeqeq: "error",
			"no-implied-eval": "error",
			"no-eval": "error",
			"no-console": "error",
			"no-unused-vars": [ "error", { caughtErrors: "all" } ],
		},
	},
];
