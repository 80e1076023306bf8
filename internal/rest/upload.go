package rest

// maximumUnzips is how many ZIP files are stored at the same time; each may hold its list of entries in memory.
const maximumUnzips = 2
