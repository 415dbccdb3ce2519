/* A PKCS#11 module with moods: SoftHSM2, but where the folder MOODS has a file with a function's name, that
   one fails with the code (CKR_…, hexadecimal) in it, or never answers, if it says "hang". A file "flags" has
   flags of the token (CKF_…); where there is one "bare" it only knows RSA without a hash of its own, and where
   there is one "picky" it makes no key of whose public part it is told what that may do, as a TPM's module.
   Each call of these functions is noted in the file "calls". */

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <p11-kit/pkcs11.h>

static CK_FUNCTION_LIST *theirs, ours;

static FILE *moods(const char *name, const char *way)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/%s", getenv("MOODS"), name);
	return fopen(path, way);
}

static unsigned long mood(const char *name)
{
	char word[32] = "0";
	FILE *file = moods(name, "r");
	if (file) {
		if (!fgets(word, sizeof word, file))
			word[0] = 0;
		fclose(file);
	}
	while (!strcmp(word, "hang"))
		pause();
	return strtoul(word, NULL, 16);
}

static CK_RV call(const char *name)
{
	FILE *file = moods("calls", "a");
	fprintf(file, "%s\n", name);
	fclose(file);
	return mood(name);
}

#define MOODY(name, parameters, arguments) \
	static CK_RV moody_##name parameters \
	{ \
		CK_RV failure = call(#name); \
		return failure ? failure : theirs->name arguments; \
	}

MOODY(C_GetSlotList, (CK_BBOOL present, CK_SLOT_ID *list, CK_ULONG *count), (present, list, count))
MOODY(C_OpenSession, (CK_SLOT_ID slot, CK_FLAGS flags, void *data, CK_NOTIFY notify, CK_SESSION_HANDLE *session),
      (slot, flags, data, notify, session))
MOODY(C_Login, (CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG length),
      (session, user, pin, length))
MOODY(C_Sign, (CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG length, CK_BYTE *signature, CK_ULONG *room),
      (session, data, length, signature, room))

static int is(const char *name)
{
	FILE *file = moods(name, "r");
	return file && !fclose(file);
}

static CK_RV moody_C_GenerateKeyPair(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ATTRIBUTE *public,
				     CK_ULONG publics, CK_ATTRIBUTE *private, CK_ULONG privates,
				     CK_OBJECT_HANDLE *one, CK_OBJECT_HANDLE *other)
{
	CK_RV failure = call("C_GenerateKeyPair");
	for (CK_ULONG n = 0; is("picky") && n < publics; n++)
		if (public[n].type == CKA_VERIFY || public[n].type == CKA_ENCRYPT)
			failure = CKR_GENERAL_ERROR;
	if (failure)
		return failure;
	return theirs->C_GenerateKeyPair(session, mechanism, public, publics, private, privates, one, other);
}

static CK_RV moody_C_GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
	CK_RV failure = call("C_GetTokenInfo");
	if (!failure)
		failure = theirs->C_GetTokenInfo(slot, info);
	if (!failure)
		info->flags |= mood("flags");
	return failure;
}

static CK_RV moody_C_GetMechanismList(CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, CK_ULONG *count)
{
	CK_RV failure = theirs->C_GetMechanismList(slot, list, count);
	for (CK_ULONG n = 0; !failure && list && is("bare") && n < *count; n++)
		if (list[n] == CKM_SHA256_RSA_PKCS)
			list[n] = CKM_RSA_PKCS;
	return failure;
}

static CK_RV moody_C_SignInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	if (mechanism->mechanism == CKM_SHA256_RSA_PKCS && is("bare"))
		return CKR_MECHANISM_INVALID;
	return theirs->C_SignInit(session, mechanism, key);
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list)
{
	void *module = dlopen(SOFTHSM, RTLD_NOW | RTLD_LOCAL);
	CK_C_GetFunctionList get = module ? (CK_C_GetFunctionList)dlsym(module, "C_GetFunctionList") : NULL;
	CK_RV failure = get ? get(&theirs) : CKR_GENERAL_ERROR;
	if (failure)
		return failure;
	ours = *theirs;
	ours.C_GetFunctionList = C_GetFunctionList;
	ours.C_GetSlotList = moody_C_GetSlotList;
	ours.C_GetTokenInfo = moody_C_GetTokenInfo;
	ours.C_GetMechanismList = moody_C_GetMechanismList;
	ours.C_OpenSession = moody_C_OpenSession;
	ours.C_Login = moody_C_Login;
	ours.C_SignInit = moody_C_SignInit;
	ours.C_Sign = moody_C_Sign;
	ours.C_GenerateKeyPair = moody_C_GenerateKeyPair;
	*list = &ours;
	return CKR_OK;
}
