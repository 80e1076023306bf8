package blob

import "hash/crc32"

// Checksum continues sum with the CRC32C of p; begin with 0. Its table is made by the first call, not by every command.
func Checksum(sum uint32, p []byte) uint32 {
	return crc32.Update(sum, crc32.MakeTable(crc32.Castagnoli), p)
}
