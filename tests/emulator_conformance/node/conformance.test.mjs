/**
 * Box's official Node SDK, unmodified but for its base URLs, against the emulator.
 *
 * BOX_URL, BOX_CONFIG and BOX_CCG_CONFIG say where; test_node_sdk.py runs it.
 */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import {
	BoxCcgAuth,
	BoxClient,
	BoxDeveloperTokenAuth,
	BoxJwtAuth,
	CcgConfig,
	JwtConfig,
} from 'box-node-sdk';
import { generateByteStreamFromBuffer, readByteStream } from 'box-node-sdk/internal';
import { NetworkSession } from 'box-node-sdk/networking';

const url = process.env.BOX_URL;
const jwt = new BoxJwtAuth( { config: JwtConfig.fromConfigFile( process.env.BOX_CONFIG ) } );
const baseUrls = { baseUrl: url, uploadUrl: `${ url }/api`, oauth2Url: url };

const client = ( auth ) => new BoxClient( { auth } ).withCustomBaseUrls( baseUrls );
const network = new NetworkSession( {} ).withCustomBaseUrls( baseUrls );
const service = client( jwt );

async function emulator( path ) {
	const response = await fetch( `${ url }/_emulator/${ path }` );
	return ( await response.json() ).entries;
}

async function person( login ) {
	const users = await emulator( 'users' );
	return users.find( ( user ) => user.login === login );
}

async function item( login, path ) {
	const items = await emulator( `items?login=${ encodeURIComponent( login ) }` );
	return items.find( ( entry ) => entry.path === path );
}

const asUser = async ( login ) => client( jwt.withUserSubject( ( await person( login ) ).id ) );
const ana = await asUser( 'ana@example.com' );

const stream = ( content ) => generateByteStreamFromBuffer( Buffer.from( content ) );
const refused = ( status ) => ( error ) => error.responseInfo?.statusCode === status;

async function upload( by, folder, name, content ) {
	const attributes = { name, parent: { id: folder } };
	const files = await by.uploads.uploadFile( { attributes, file: stream( content ) } );
	return files.entries[ 0 ];
}

async function read( by, id ) {
	return ( await readByteStream( await by.downloads.downloadFile( id ) ) ).toString();
}

test( 'log-in by JWT, as the service account and as a user', async () => {
	assert.match( ( await service.users.getUserMe() ).login, /^AutomationUser_/ );
	assert.equal( ( await ana.users.getUserMe() ).name, 'Ana Souza' );
} );

test( 'log-in by client credentials', async () => {
	const { boxAppSettings, enterpriseID } = JSON.parse( readFileSync( process.env.BOX_CCG_CONFIG, 'utf8' ) );
	const config = new CcgConfig( {
		clientId: boxAppSettings.clientID,
		clientSecret: boxAppSettings.clientSecret,
		enterpriseId: enterpriseID,
	} );
	const auth = new BoxCcgAuth( { config } );
	assert.match( ( await client( auth ).users.getUserMe() ).login, /^AutomationUser_/ );
	const kenji = client( auth.withUserSubject( ( await person( 'kenji@example.com' ) ).id ) );
	assert.equal( ( await kenji.users.getUserMe() ).login, 'kenji@example.com' );
} );

test( 'users: search, both pagings, app users', async () => {
	const found = await service.users.getUsers( { filterTerm: 'ana@example.com' } );
	assert.equal( found.totalCount, 3 );
	const first = await service.users.getUsers( { usemarker: true, limit: 3 } );
	const second = await service.users.getUsers( { usemarker: true, limit: 3, marker: first.nextMarker } );
	const ids = new Set( [ ...first.entries, ...second.entries ].map( ( user ) => user.id ) );
	assert.equal( ids.size, 6 );
	const offset = await service.users.getUsers( { limit: 3, offset: 3 } );
	assert.equal( offset.entries.length, 3 );

	const robot = { name: 'Robot', isPlatformAccessOnly: true, externalAppUserId: 'node-1' };
	const made = await service.users.createUser( robot );
	const again = await service.users.getUsers( { externalAppUserId: 'node-1' } );
	assert.deepEqual( again.entries.map( ( user ) => user.id ), [ made.id ] );
	await assert.rejects( service.users.createUser( robot ), refused( 409 ) );
	await service.users.deleteUserById( made.id );
} );

test( 'downscoping and revocation', async () => {
	const folder = await item( 'ana@example.com', '/Projetos' );
	const auth = jwt.withUserSubject( ( await person( 'ana@example.com' ) ).id );
	await client( auth ).users.getUserMe();
	const resource = `https://api.box.com/2.0/folders/${ folder.id }`;
	const token = await auth.downscopeToken( [ 'base_explorer', 'item_preview' ], resource, undefined, network );
	assert.deepEqual( token.restrictedTo.map( ( entry ) => entry.object.id ), [ folder.id, folder.id ] );
	const narrow = client( new BoxDeveloperTokenAuth( { token: token.accessToken } ) );
	assert.equal( ( await narrow.folders.getFolderItems( folder.id ) ).totalCount, 3 );
	await assert.rejects( narrow.folders.getFolderItems( '0' ), refused( 403 ) );
	await assert.rejects( upload( narrow, folder.id, 'x.txt', 'x' ), refused( 403 ) );
	await auth.revokeToken( network );
	const tokens = await emulator( 'tokens' );
	assert.ok( tokens.some( ( entry ) => entry.revoked && entry.login === 'ana@example.com' ) );
} );

test( 'folders: create, list by offset and marker, rename, move, copy, delete', async () => {
	const made = await ana.folders.createFolder( { name: 'Nó', parent: { id: '0' } } );
	await assert.rejects( ana.folders.createFolder( { name: 'nó', parent: { id: '0' } } ), refused( 409 ) );
	const inner = await ana.folders.createFolder( { name: 'Dentro', parent: { id: made.id } } );
	const renamed = await ana.folders.updateFolderById( made.id, { requestBody: { name: 'Node' } } );
	assert.equal( renamed.name, 'Node' );
	const moved = await ana.folders.updateFolderById( inner.id, { requestBody: { parent: { id: '0' } } } );
	assert.equal( moved.parent.id, '0' );
	const copied = await ana.folders.copyFolder( made.id, { parent: { id: inner.id } } );
	assert.equal( copied.pathCollection.totalCount, 2 );
	await assert.rejects( ana.folders.deleteFolderById( inner.id ), refused( 400 ) );
	await ana.folders.deleteFolderById( inner.id, { queryParams: { recursive: true } } );
	await assert.rejects( ana.folders.getFolderById( copied.id ), refused( 404 ) );

	const kenji = await asUser( 'kenji@example.com' );
	const minutes = await item( 'kenji@example.com', '/議事録' );
	const names = new Set();
	let marker;
	do {
		const queryParams = { usemarker: true, limit: 700, marker };
		const page = await kenji.folders.getFolderItems( minutes.id, { queryParams } );
		page.entries.forEach( ( entry ) => names.add( entry.name ) );
		marker = page.nextMarker;
	} while ( marker );
	assert.equal( names.size, 1200 );
	const page = await kenji.folders.getFolderItems( minutes.id, { queryParams: { offset: 1000, limit: 1000 } } );
	assert.equal( page.entries.length, 200 );
} );

test( 'files: check, upload, download, rename, copy, new version, trash, restore', async () => {
	const check = { name: 'nota.txt', size: 4, parent: { id: '0' } };
	assert.match( ( await ana.uploads.preflightFileUploadCheck( check ) ).uploadUrl, /files\/content$/ );
	const file = await upload( ana, '0', 'nota.txt', 'Olá' );
	assert.equal( file.sha1, createHash( 'sha1' ).update( 'Olá' ).digest( 'hex' ) );
	await assert.rejects( ana.uploads.preflightFileUploadCheck( check ), refused( 409 ) );
	assert.equal( await read( ana, file.id ), 'Olá' );
	const renamed = await ana.files.updateFileById( file.id, { requestBody: { name: 'notas.txt' } } );
	assert.equal( renamed.name, 'notas.txt' );
	const copied = await ana.files.copyFile( file.id, { parent: { id: '0' }, name: 'cópia.txt' } );
	assert.equal( await read( ana, copied.id ), 'Olá' );

	const attributes = { name: 'notas.txt' };
	await ana.uploads.uploadFileVersion( file.id, { attributes, file: stream( 'Tchau' ) } );
	assert.equal( await read( ana, file.id ), 'Tchau' );
	const versions = await ana.fileVersions.getFileVersions( file.id );
	assert.deepEqual( versions.entries.map( ( version ) => version.versionNumber ), [ '1' ] );

	await ana.files.deleteFileById( copied.id );
	const trash = await ana.trashedItems.getTrashedItems();
	assert.ok( trash.entries.some( ( entry ) => entry.id === copied.id ) );
	assert.equal( ( await ana.trashedFiles.restoreFileFromTrash( copied.id ) ).name, 'cópia.txt' );
	await ana.files.deleteFileById( copied.id );
	await ana.trashedFiles.deleteTrashedFileById( copied.id );
	await assert.rejects( ana.trashedFiles.getTrashedFileById( copied.id ), refused( 404 ) );
} );

test( 'upload in parts', async () => {
	const content = Buffer.alloc( 21_000_000, 'Box emulator ' );
	const file = await ana.chunkedUploads.uploadBigFile( stream( content ), 'grande.bin', content.length, '0' );
	assert.equal( file.size, content.length );
	assert.equal( file.sha1, createHash( 'sha1' ).update( content ).digest( 'hex' ) );
} );

test( 'shared links, search, thumbnails, recent items, collaborations', async () => {
	const file = await upload( ana, '0', 'raridade.txt', 'abracadabra' );
	const requestBody = { sharedLink: { access: 'company' } };
	const shared = await ana.sharedLinksFiles.addShareLinkToFile( file.id, requestBody, { fields: 'shared_link' } );
	assert.equal( shared.sharedLink.access, 'company' );
	const kenji = await asUser( 'kenji@example.com' );
	const boxapi = `shared_link=${ shared.sharedLink.url }`;
	assert.equal( ( await kenji.sharedLinksFiles.findFileForSharedLink( {}, { boxapi } ) ).id, file.id );

	const results = await ana.search.searchForContent( { query: 'raridade' } );
	assert.deepEqual( results.entries.map( ( entry ) => entry.id ), [ file.id ] );
	const photo = await item( 'ana@example.com', '/Fotos da equipe/Serra.png' );
	const queryParams = { maxHeight: 160, maxWidth: 160 };
	const picture = await readByteStream( await ana.files.getFileThumbnailById( photo.id, 'png', { queryParams } ) );
	assert.equal( picture.subarray( 1, 4 ).toString(), 'PNG' );
	const recent = await ana.recentItems.getRecentItems();
	assert.equal( recent.entries[ 0 ].item.id, file.id );

	const folder = await item( 'ana@example.com', '/Projetos' );
	const collaboration = await ana.userCollaborations.createCollaboration( {
		item: { type: 'folder', id: folder.id },
		accessibleBy: { type: 'user', login: 'kenji@example.com' },
		role: 'editor',
	} );
	assert.equal( collaboration.status, 'accepted' );
	await upload( kenji, folder.id, 'kenji.txt', 'k' );
	const listed = await ana.listCollaborations.getFolderCollaborations( folder.id );
	assert.deepEqual( listed.entries.map( ( entry ) => entry.role ), [ 'editor' ] );
	await ana.userCollaborations.deleteCollaborationById( collaboration.id );
	await assert.rejects( kenji.folders.getFolderById( folder.id ), refused( 404 ) );
} );
