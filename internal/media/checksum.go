package media

import "hash/crc32"

// combine returns the checksum of two runs of bytes, one after the other, from the checksums of both and the length of
// the second, for the CRC of a reversed polynomial: the first is taken through as many zero bytes as the second has.
func combine(polynomial, first, second uint32, length int64) uint32 {
	if length <= 0 {
		return first
	}
	var odd, even [32]uint32 // linear maps: what each bit becomes
	odd[0] = polynomial      // one zero bit
	for n := 1; n < 32; n++ {
		odd[n] = 1 << (n - 1)
	}
	square(&even, &odd) // two
	square(&odd, &even) // four
	for {
		square(&even, &odd) // the first time eight: one byte
		if length&1 != 0 {
			first = apply(&even, first)
		}
		if length >>= 1; length == 0 {
			break
		}
		square(&odd, &even)
		if length&1 != 0 {
			first = apply(&odd, first)
		}
		if length >>= 1; length == 0 {
			break
		}
	}
	return first ^ second
}

func apply(m *[32]uint32, v uint32) (sum uint32) {
	for n := 0; v != 0; n, v = n+1, v>>1 {
		if v&1 != 0 {
			sum ^= m[n]
		}
	}
	return sum
}

func square(to, m *[32]uint32) {
	for n := range to {
		to[n] = apply(m, m[n])
	}
}

// sums are both checksums of a run of bytes: that of ZIP files, and that with which objects are stored.
type sums struct{ zip, stored uint32 }

func sumsOf(p []byte) sums {
	return sums{crc32.ChecksumIEEE(p), crc32.Checksum(p, crc32.MakeTable(crc32.Castagnoli))}
}

// then returns the checksums of a run of bytes that next follows on.
func (s sums) then(next sums, length int64) sums {
	return sums{combine(crc32.IEEE, s.zip, next.zip, length), combine(crc32.Castagnoli, s.stored, next.stored, length)}
}
