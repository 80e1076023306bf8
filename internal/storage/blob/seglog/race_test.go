//go:build race

package seglog

// stride thins out what takes long under the race detector and has nothing for it to find.
const stride = 16
