export default {
	extends: [ "@wordpress/stylelint-config" ],
};
