// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Hashes: SipHash-2-4, keyed with the volume's seed, for names, so that nobody
 * can choose names that collide; and the tag that data blocks bear for their
 * owner. Pure functions, any thread.
 *
 * Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF".
 */
#include "config.h"

#include "fs/dir.h"

struct sip {
	uint64_t v0, v1, v2, v3;
};

static uint64_t rotl(uint64_t v, unsigned int by)
{
	return v << by | v >> (64 - by);
}

static uint64_t load64(const uint8_t *p, size_t len)
{
	uint64_t v = 0;

	for (size_t i = 0; i < len; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

static void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotl(s->v1, 13) ^ s->v0;
	s->v0 = rotl(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotl(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotl(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotl(s->v1, 17) ^ s->v2;
	s->v2 = rotl(s->v2, 32);
}

static void sip_word(struct sip *s, uint64_t m)
{
	s->v3 ^= m;
	sip_round(s);
	sip_round(s);
	s->v0 ^= m;
}

uint64_t bfs_siphash(const uint8_t key[16], const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t k0 = load64(key, 8);
	uint64_t k1 = load64(key + 8, 8);
	struct sip s = {
		.v0 = k0 ^ 0x736f6d6570736575ull,
		.v1 = k1 ^ 0x646f72616e646f6dull,
		.v2 = k0 ^ 0x6c7967656e657261ull,
		.v3 = k1 ^ 0x7465646279746573ull,
	};
	size_t left = len;

	for (; left >= 8; left -= 8, p += 8)
		sip_word(&s, load64(p, 8));
	sip_word(&s, load64(p, left) | (uint64_t)len << 56);
	s.v2 ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t bfs_dir_hash(const struct bfs *fs, const char *name, size_t len)
{
	return bfs_siphash(fs->hash_seed, name, len) & fs->hash_mask;
}

/* The finaliser of MurmurHash3 mixes every bit into every other. */
uint16_t bfs_data_tag(uint64_t ino, uint32_t gen)
{
	uint64_t h = ino ^ (uint64_t)gen << 32 ^
		     (uint64_t)gen * 0x9e3779b97f4a7c15ull;

	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdull;
	h ^= h >> 33;
	h *= 0xc4ceb9fe1a85ec53ull;
	h ^= h >> 33;
	return (uint16_t)(BFS_DATA_TAG_MIN +
			  h % (BFS_DATA_TAG_MAX - BFS_DATA_TAG_MIN + 1));
}
