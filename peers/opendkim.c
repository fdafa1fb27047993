/* OpenDKIM's library as a peer: see peers/__init__.py for what each program takes and prints. */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <opendkim/dkim.h>

static unsigned char *record;

static unsigned char *slurp(const char *path, size_t *length)
{
	FILE *file = fopen(path, "rb");
	if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
		perror(path);
		exit(2);
	}
	*length = (size_t)ftell(file);
	rewind(file);
	unsigned char *octets = malloc(*length + 1);
	if (octets == NULL || fread(octets, 1, *length, file) != *length) {
		perror(path);
		exit(2);
	}
	octets[*length] = '\0';
	fclose(file);
	return octets;
}

static DKIM_CBSTAT answer(DKIM *dkim, DKIM_SIGINFO *signature, unsigned char *buffer, size_t size)
{
	(void)dkim;
	(void)signature;
	snprintf((char *)buffer, size, "%s", record);
	return DKIM_CBSTAT_CONTINUE;
}

static const char *feed(DKIM *dkim, unsigned char *octets, size_t length)
{
	DKIM_STAT status = dkim_chunk(dkim, octets, length);
	if (status == DKIM_STAT_OK)
		status = dkim_chunk(dkim, NULL, 0);
	if (status == DKIM_STAT_OK)
		status = dkim_eom(dkim, NULL);
	return status == DKIM_STAT_OK ? "pass" : dkim_getresultstr(status);
}

int main(int argc, char **argv)
{
	if (argc != 8) {
		fprintf(stderr, "usage: opendkim verify|sign MESSAGE KEY COUNT HEADER BODY ALGORITHM\n");
		return 2;
	}
	bool verifying = strcmp(argv[1], "verify") == 0;
	size_t length, key_length;
	unsigned char *octets = slurp(argv[2], &length);
	unsigned char *key = slurp(argv[3], &key_length);
	long count = atol(argv[4]);
	dkim_canon_t header = strcmp(argv[5], "simple") ? DKIM_CANON_RELAXED : DKIM_CANON_SIMPLE;
	dkim_canon_t body = strcmp(argv[6], "simple") ? DKIM_CANON_RELAXED : DKIM_CANON_SIMPLE;
	dkim_alg_t algorithm =
		strcmp(argv[7], "ed25519-sha256") ? DKIM_SIGN_RSASHA256 : DKIM_SIGN_ED25519SHA256;
	DKIM_LIB *library = dkim_init(NULL, NULL);
	const char *result = "none";
	static unsigned char field[65536];
	DKIM_STAT status;

	record = key;
	dkim_set_key_lookup(library, answer);
	clock_t begin = clock();
	for (long turn = 0; turn < count; turn++) {
		DKIM *dkim = verifying
			? dkim_verify(library, (unsigned char *)"x", NULL, &status)
			: dkim_sign(library, (unsigned char *)"x", NULL, key, (unsigned char *)"x",
				    (unsigned char *)"example.com", header, body, algorithm, -1, &status);
		if (dkim == NULL)
			return 3;
		result = feed(dkim, octets, length);
		if (!verifying && dkim_getsighdr(dkim, field, sizeof field, 16) != DKIM_STAT_OK)
			result = "error";
		dkim_free(dkim);
	}
	printf("%s %.9f\n", result, (double)(clock() - begin) / CLOCKS_PER_SEC);
	if (!verifying)
		printf("DKIM-Signature: %s", field);
	dkim_close(library);
	return 0;
}
