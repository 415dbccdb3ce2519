import wordpress from "@wordpress/eslint-plugin";
import globals from "globals";

const files = [ "wp-plugin/**/*.js" ];

export default [
	...wordpress.configs[ "recommended-with-formatting" ].map( ( config ) => ( { ...config, files: config.files ?? files } ) ),
	{
		files,
		languageOptions: {
			ecmaVersion: 2022,
			sourceType: "script",
			globals: { ...globals.browser, wp: "readonly" },
		},
		// React comes with WordPress; there is none here to ask.
		settings: { react: { version: "18.2" } },
		linterOptions: { reportUnusedDisableDirectives: "error" },
		rules: {
			"no-implied-eval": "error",
			// Names say what parameters are; where they do not, the comment does, in a sentence.
			"jsdoc/require-param": "off",
			"no-unused-vars": [ "error", { caughtErrors: "all" } ],
			"@wordpress/i18n-text-domain": [ "error", { allowedTextDomain: "widgets-for-box" } ],
		},
	},
	{
		// Parts of the loader that a page imports when it needs them.
		files: [ "requests", "notices", "presence", "fragment", "uploads", "drop", "details", "options", "sharing", "repairs", "language", "progress", "calls", "offer" ].map( ( name ) => `wp-plugin/assets/${ name }.js` ),
		languageOptions: { sourceType: "module" },
	},
];
