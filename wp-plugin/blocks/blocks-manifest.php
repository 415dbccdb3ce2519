<?php
/**
 * What the block.json of each block says. Made by bin/blocks-manifest.
 *
 * @package WidgetsForBox
 */

defined( 'ABSPATH' ) || exit;

return array(
	'explorer' => array(
		'$schema'      => 'https://schemas.wp.org/trunk/block.json',
		'apiVersion'   => 3,
		'name'         => 'widgets-for-box/explorer',
		'version'      => '0.1.0',
		'title'        => 'Box explorer',
		'category'     => 'widgets-for-box',
		'icon'         => 'portfolio',
		'description'  => 'Shows a Box folder to everyone who may open it in Box: their own, or one that you choose. You decide whether they may preview, download, upload or change files.',
		'keywords'     => array( 'box', 'files', 'folder', 'cloud' ),
		'textdomain'   => 'widgets-for-box',
		'attributes'   => array(
			'anchor'     => array( 'type' => 'string' ),
			'folder'     => array(
				'type'    => 'string',
				'default' => '0',
			),
			'folderName' => array(
				'type'    => 'string',
				'default' => '',
			),
			'path'       => array(
				'type'    => 'string',
				'default' => '',
			),
			'can'        => array(
				'type'    => 'array',
				'items'   => array( 'type' => 'string' ),
				'default' => array( 'preview', 'download' ),
			),
			'height'     => array(
				'type'    => 'number',
				'default' => 600,
			),
			'view'       => array( 'type' => 'string' ),
			'sort'       => array( 'type' => 'string' ),
			'order'      => array( 'type' => 'string' ),
			'logo'       => array( 'type' => 'string' ),
			'load'       => array( 'type' => 'string' ),
			'title'      => array( 'type' => 'string' ),
		),
		'usesContext'  => array( 'postId', 'postType' ),
		'supports'     => array(
			'align'                => array( 'left', 'right', 'wide', 'full' ),
			'anchor'               => true,
			'html'                 => false,
			'spacing'              => array(
				'margin'  => true,
				'padding' => true,
			),
			'__experimentalBorder' => array(
				'color'  => true,
				'radius' => true,
				'style'  => true,
				'width'  => true,
			),
		),
		'example'      => array( 'attributes' => array( 'height' => 400 ) ),
		'editorScript' => 'widgets-for-box-editor',
		'editorStyle'  => 'widgets-for-box-editor',
		'style'        => 'widgets-for-box',
	),
	'picker'   => array(
		'$schema'      => 'https://schemas.wp.org/trunk/block.json',
		'apiVersion'   => 3,
		'name'         => 'widgets-for-box/picker',
		'version'      => '0.1.0',
		'title'        => 'Box picker',
		'category'     => 'widgets-for-box',
		'icon'         => 'yes-alt',
		'description'  => 'Lets people choose files in Box, for a form or a script of yours.',
		'keywords'     => array( 'box', 'files', 'choose', 'cloud' ),
		'textdomain'   => 'widgets-for-box',
		'attributes'   => array(
			'anchor'     => array( 'type' => 'string' ),
			'folder'     => array(
				'type'    => 'string',
				'default' => '0',
			),
			'folderName' => array(
				'type'    => 'string',
				'default' => '',
			),
			'path'       => array(
				'type'    => 'string',
				'default' => '',
			),
			'can'        => array(
				'type'    => 'array',
				'items'   => array( 'type' => 'string' ),
				'default' => array(),
			),
			'height'     => array(
				'type'    => 'number',
				'default' => 600,
			),
			'type'       => array(
				'type'    => 'array',
				'items'   => array( 'type' => 'string' ),
				'default' => array( 'file', 'web_link' ),
			),
			'max'        => array(
				'type'    => 'number',
				'default' => 0,
			),
			'extensions' => array(
				'type'    => 'string',
				'default' => '',
			),
			'name'       => array(
				'type'    => 'string',
				'default' => '',
			),
			'sort'       => array( 'type' => 'string' ),
			'order'      => array( 'type' => 'string' ),
			'choose'     => array( 'type' => 'string' ),
			'cancel'     => array( 'type' => 'string' ),
			'logo'       => array( 'type' => 'string' ),
			'load'       => array( 'type' => 'string' ),
			'title'      => array( 'type' => 'string' ),
		),
		'usesContext'  => array( 'postId', 'postType' ),
		'supports'     => array(
			'align'                => array( 'left', 'right', 'wide', 'full' ),
			'anchor'               => true,
			'html'                 => false,
			'spacing'              => array(
				'margin'  => true,
				'padding' => true,
			),
			'__experimentalBorder' => array(
				'color'  => true,
				'radius' => true,
				'style'  => true,
				'width'  => true,
			),
		),
		'example'      => array( 'attributes' => array( 'height' => 400 ) ),
		'editorScript' => 'widgets-for-box-editor',
		'editorStyle'  => 'widgets-for-box-editor',
		'style'        => 'widgets-for-box',
	),
	'preview'  => array(
		'$schema'      => 'https://schemas.wp.org/trunk/block.json',
		'apiVersion'   => 3,
		'name'         => 'widgets-for-box/preview',
		'version'      => '0.1.0',
		'title'        => 'Box preview',
		'category'     => 'widgets-for-box',
		'icon'         => 'media-document',
		'description'  => 'Shows a Box file to those who may see it in Box.',
		'keywords'     => array( 'box', 'file', 'document', 'cloud' ),
		'textdomain'   => 'widgets-for-box',
		'attributes'   => array(
			'anchor'   => array( 'type' => 'string' ),
			'file'     => array(
				'type'    => 'string',
				'default' => '',
			),
			'fileName' => array(
				'type'    => 'string',
				'default' => '',
			),
			'can'      => array(
				'type'    => 'array',
				'items'   => array( 'type' => 'string' ),
				'default' => array(),
			),
			'height'   => array(
				'type'    => 'number',
				'default' => 600,
			),
			'logo'     => array( 'type' => 'string' ),
			'load'     => array( 'type' => 'string' ),
			'title'    => array( 'type' => 'string' ),
		),
		'usesContext'  => array( 'postId', 'postType' ),
		'supports'     => array(
			'align'                => array( 'left', 'right', 'wide', 'full' ),
			'anchor'               => true,
			'html'                 => false,
			'spacing'              => array(
				'margin'  => true,
				'padding' => true,
			),
			'__experimentalBorder' => array(
				'color'  => true,
				'radius' => true,
				'style'  => true,
				'width'  => true,
			),
		),
		'example'      => array(
			'attributes' => array(
				'height'   => 400,
				'fileName' => 'Report.pdf',
			),
		),
		'editorScript' => 'widgets-for-box-editor',
		'editorStyle'  => 'widgets-for-box-editor',
		'style'        => 'widgets-for-box',
	),
	'uploader' => array(
		'$schema'      => 'https://schemas.wp.org/trunk/block.json',
		'apiVersion'   => 3,
		'name'         => 'widgets-for-box/uploader',
		'version'      => '0.1.0',
		'title'        => 'Box uploader',
		'category'     => 'widgets-for-box',
		'icon'         => 'upload',
		'description'  => 'Lets people upload files into a Box folder: their own, or one that you choose.',
		'keywords'     => array( 'box', 'files', 'upload', 'cloud' ),
		'textdomain'   => 'widgets-for-box',
		'attributes'   => array(
			'anchor'     => array( 'type' => 'string' ),
			'folder'     => array(
				'type'    => 'string',
				'default' => '0',
			),
			'folderName' => array(
				'type'    => 'string',
				'default' => '',
			),
			'path'       => array(
				'type'    => 'string',
				'default' => '',
			),
			'height'     => array(
				'type'    => 'number',
				'default' => 400,
			),
			'folders'    => array( 'type' => 'boolean' ),
			'limit'      => array( 'type' => 'number' ),
			'load'       => array( 'type' => 'string' ),
			'title'      => array( 'type' => 'string' ),
		),
		'usesContext'  => array( 'postId', 'postType' ),
		'supports'     => array(
			'align'                => array( 'left', 'right', 'wide', 'full' ),
			'anchor'               => true,
			'html'                 => false,
			'spacing'              => array(
				'margin'  => true,
				'padding' => true,
			),
			'__experimentalBorder' => array(
				'color'  => true,
				'radius' => true,
				'style'  => true,
				'width'  => true,
			),
		),
		'example'      => array( 'attributes' => array( 'height' => 400 ) ),
		'editorScript' => 'widgets-for-box-editor',
		'editorStyle'  => 'widgets-for-box-editor',
		'style'        => 'widgets-for-box',
	),
);
