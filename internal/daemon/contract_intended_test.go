package daemon_test

// differences are the intended ones, reviewed. The README has the same list; TestReadmeListsTheDifferences prints it.
var differences = []difference{
	{"bodies of errors", "`application/json`", "`text/plain`", "it is JSON", []*place{
		{"", "Content-Type", of(jsonType, "text/plain")}}},
	{"JSON", "always with `charset=utf-8`", "without in some answers", "it is UTF-8", []*place{
		{"", "Content-Type", of(jsonType, "application/json")}}},
	{"bodies of errors", "`Details` and `ErrorDetails` in our words", "others, or none", "what was wrong, where, and what to do next", []*place{
		{"", `body\.Details`, nil}, {"/jobs/", `body\.ErrorDetails`, nil}}},
	{"wrong arguments", "400", "500", "it is the request that is wrong", []*place{{"", "status", refusal}}},
	{"fields of the wrong type", "code 15", "code 15 or 5", "one code for one fault", []*place{
		{"^POST /modalities/dead/store .*(MoveOriginatorID|StorageCommitment|LocalAet)", `body\.(Message|OrthancError|OrthancStatus)`, nil}}},
	{"names of private and of recent elements", "of our dictionaries", "of DCMTK's", "they are not of one edition", []*place{
		{"/(tags|module|module-patient|shared-tags|instances-tags|simplified-tags|header)|PROGRAM", `body.*\.Name`, nil},
		{"simplif", `body.*\.[\w &]+`, oneHas}}},
	{"names in ISO 2022", "read, and found by `/tools/find`", "escape sequences left in the text, or the text dropped", "PS3.3 C.12.1.1.2", []*place{
		{"", `body.*`, leftInEscapes},
		{"POST /tools/find .*山田", `body\[\]`, onlyHere}}},
	{"`MainDicomTags`", "without spaces before a value", "with them", "they mean nothing (PS3.5 6.2)", []*place{
		{"", `body.*Tags.*`, sameButForSpace}}},
	{"`WWW-Authenticate`", "`realm=\"gantry\"`", "`realm=\"Orthanc Secure Area\"`", "the name is ours", []*place{{"", "WWW-Authenticate", nil}}},
	{"`Authorization: basic`", "taken", "401", "a scheme has no case (RFC 9110 11.1)", []*place{
		{"^Authorization: basic", "status", nil}}},
	{"`/{level}/{id}/statistics` of an id of another level", "404", "zeros, or those of its own level", "as at all other routes", []*place{
		{"^GET /[a-z]+/{id}/statistics$", "status", of(404, 200)}}},
	{"`GET /jobs/{id}`", "`ETag`", "none", "for those who wait for a change", []*place{{"^GET /jobs/", "ETag", nil}}},
	{"`/jobs/{id}/{action}`", "405 for other methods than POST", "404, or another `Allow`", "they exist, for POST", []*place{
		{"^(GET|DELETE) /jobs/.*/", "status", func(ours, _ any) bool { return ours == 405 }}, {"^PUT /jobs/", "Allow", nil}}},
	{"`/instances/{id}/content/...`", "405 for other methods than GET", "404", "they exist, for GET", []*place{
		{"^(POST|PUT|DELETE) /instances/x/content", "status", nil}}},
	{"`/modalities/{id}/store` with `Permissive`", "fails if no association comes about", "succeeds, all instances failed", "nothing was sent", []*place{
		{`^POST /modalities/dead/store .*"Permissive": true`, "status", nil}}},
	{"`/modalities/{id}/store` of an unknown resource", "404", "500", "it is the request that is wrong", []*place{
		{"^POST /modalities/dead/store {id}$", "status", nil}}},
	{"`PUT /modalities/{id}`", "an AE title of more than 16 characters is 400", "taken", "it could never be sent (PS3.5 6.2)", []*place{
		{"/modalities/long", "status", nil}}},
	{"`/modalities/{id}`", "lists echo, store and storage commitment", "also query, retrieve and worklists", "these are not served yet", []*place{
		{"^GET /modalities/(dead|other)$", `body\[\]`, onlyThere}}},
	{"`/livez`, `/readyz`", "200 without a login", "404", "for what watches over services", []*place{{"^GET /(livez|readyz)$", "status", nil}}},
	{"`POST /instances` with a form", "a list of what was stored", "an empty answer", "the client learns the ids", []*place{
		{"^Content-Type: multipart", "body.*|Content-Type", nil}}},
	{"bodies with `Content-Encoding: deflate`", "undone", "taken as they are", "as with gzip", []*place{{"^Content-Encoding: deflate", "status", nil}}},
	{"changes where `ReadOnly` is true", "405, with a body that says why", "405 without one, 404 or 500", "it is always the same reason", []*place{
		{`^"ReadOnly": true`, "body|Content-Type", nil}, {`^"ReadOnly": true`, "status", func(ours, _ any) bool { return ours == 405 }},
		{`^PUT /studies/.*/labels/a\n.*\n"ReadOnly": true`, "status", of(404, 405)}, {`bulk-delete.*\n.*\n"ReadOnly": true`, "status", of(200, 404)}}},
	{"an instance stored again with `OverwriteInstances`", "keeps its labels and metadata", "loses them",
		"what users add is not the sender's to delete", []*place{
			{`^"OverwriteInstances": true`, `body\.(Labels\[\]|1024)`, onlyHere}}},
	{"sizes with `StorageCompression`", "of files", "also of Orthanc's copies of their headers", "there are no copies", []*place{
		{`/statistics\n.*\n"StorageCompression": true`, `body\.(Total)?(Uncompressed|Disk)Size`, nil}}},
	{"`/tools/find` with `CaseSensitivePN`", "tells capitals apart unless `CaseSensitive` says otherwise", "does not",
		"as Orthanc's own description of the route says", []*place{
			{`^"CaseSensitivePN": true`, `body\[\]`, onlyThere}}},
	{"`GET /storage-commitment`", "lists the requests that were sent", "404", "for scripts", []*place{{"^GET /storage-commitment$", "status", nil}}},
	{"`/`, `/app/...`, `/plugins`", "404, and an empty list", "Orthanc Explorer", "there is no web interface yet, and there are no plugins", []*place{
		{"^GET (/|/app/.*)$", "status", nil}, {"/plugins|PROGRAM plugins", `body\[\]`, onlyThere}, {`^GET /studies/\.\.%2f`, "status", nil}}},
	{"`/queries`", "404", "a list", "query and retrieve are not served yet", []*place{{"^GET /queries$", "status", nil}}},
	{"`/tools`", "lists what is served", "also modification and creation", "these are not served yet", []*place{
		{"^GET /tools$", `body\[\]`, nil}}},
	{"`/system`", "has `GantryVersion`, `Server`, `StorageLayout`", "none", "tells the two apart", []*place{
		{"/system|PROGRAM system", `body\.(GantryVersion|Server|StorageLayout)`, onlyHere}}},
	{"`/system`", "none", "has `Performance`, `ThirdPartyPatches`, `ThirdPartyVersions`", "Orthanc's threads, caches and libraries", []*place{
		{"/system|PROGRAM system", `body\.(Performance|ThirdPartyPatches|ThirdPartyVersions)`, onlyThere}}},
	{"`/system`", "`PluginsEnabled`, `HasQueues`, `HasKeyValueStores`, `HasReserveQueueValue` are false", "true",
		"there are no plugins, whom these serve", []*place{
			{"/system|PROGRAM system", `body\.(PluginsEnabled|Capabilities\.Has(KeyValueStores|Queues|ReserveQueueValue))`, nil}}},
	{"`/tools/accepted-transfer-syntaxes`, `-sop-classes`", "all of our edition of PS3.6", "those that DCMTK knows",
		"anything that can be kept is taken", []*place{
			{"/tools/accepted-(transfer-syntaxes|sop-classes)", `body\[\]`, nil}}},
	{"`PUT /tools/accepted-transfer-syntaxes`", "takes a UID or pattern as plain text", "400 if it begins with a number",
		"it is not meant as JSON", []*place{
			{"^PUT /tools/accepted-transfer-syntaxes 1", "status", nil}}},
	{"`/tools/generate-uid`", "UIDs under 2.25", "under DCMTK's root", "UIDs made of UUIDs need no root (PS3.5 B.2)", []*place{
		{"^GET /tools/generate-uid", "body|Content-Length", nil}}},
	{"`/tools/reconstruct`", "a body that is no object counts as none", "500", "the body is optional", []*place{
		{"^POST /tools/reconstruct", "status", nil}}},
	{"`/tools/dicom-conformance`", "states what gantry does", "what Orthanc does", "each has its own", []*place{
		{"/tools/dicom-conformance", "body|Content-Length", nil}}},
	{"`/tools/find` by text", "ignores accents", "drops letters beyond ASCII from what it compares", "Muller finds Müller", []*place{
		{`^POST /tools/find .*(Eric|e\?ic|eric|ERIC|ol\^|OL\*|\?l\^|general)`, `body\[\]`, onlyHere}}},
	{"`/tools/find` by tags below the level", "finds the resource", "nothing, or 500", "the tags are there", []*place{
		{`"Level": "(Study|Patient|Series)", "Query": \{"(SeriesInstanceUID|Modality|ImageComments)"`, `body\[\]|status`, nil},
		{`^PROGRAM find Patient \{"StudyDate"`, `body\[\]`, onlyHere}}},
	{"`/tools/find` by `ModalitiesInStudy`", "at every level", "studies alone, and adds it to `RequestedTags`", "what was asked for, no more and no less", []*place{
		{"^PROGRAM find .*ModalitiesInStudy", `body\[\](\.RequestedTags)?`, nil}}},
	{"`OrderBy` of names", "ignores case and accents, `^` before letters", "drops letters beyond ASCII", "names of all languages are in order", []*place{
		{`"OrderBy": \[\s+\{"Type": "\w+", "Key": "(PatientName|PatientID)"`, `body\[\].*`, nil}}},
	{"`/tools/find` by a sequence as text", "400", "400 only where an object has it", "what is stored does not make a request right", []*place{
		{"ReferencedStudySequence", "status", nil}}},
	{"`/tools/count-resources`", "counts by any tag", "400 for tags that are not in the database", "files are searched, as by `/tools/find`", []*place{
		{"^POST /tools/count-resources", "status", of(200, 400)}}},
	{"`response-content=Status`", "the status", "`Unknown` unless `Metadata` is asked for, too", "it is known", []*place{
		{"response-content=", `body\[\]\.Status`, nil}}},
	{"`response-content=MainDicomTags`", "sequences among them", "only if `Metadata` is asked for, too", "they are known", []*place{
		{`response-content=|"ResponseContent": \["MainDicomTags"\]`, `body\[\]\.MainDicomTags\.(0040,0275|RequestAttributesSequence)`, onlyHere}}},
	{"`response-content=Attachments`", "MD5 of what it is known of", "always", "an MD5 is computed when it is first asked for", []*place{
		{"response-content=", `body\[\]\.Attachments\[\]\.(Compressed|Uncompressed)MD5`, onlyThere}}},
	{"`Range: bytes=-2`, `bytes=1-100` of less", "the last two bytes; what there is", "the first three; 416", "RFC 9110 14.1.2", []*place{
		{"^Range: bytes=(-2|1-100)", "status|body|Content-Range|Content-Length", nil}}},
	{"answers to `Range`", "have the headers of the whole", "fewer", "RFC 9110 15.3.7", []*place{
		{"^Range:", "ETag|Content-Disposition|Content-Type", nil}}},
	{"DICOM JSON", "`SpecificCharacterSet` is `ISO_IR 192`", "that of the file", "it is UTF-8 (PS3.18 F.2)", []*place{
		{"^Accept: application/dicom.json", `body\.00080005.*`, nil}}},
	{"DICOM JSON", "the VR of the file, OW as `InlineBinary`, no padding, exact numbers", "UN as another VR or left out, some OW as numbers, padding, rounded numbers",
		"PS3.18 F.2", []*place{
			{"^Accept: application/dicom.json", `body\..*\.(InlineBinary|Value)|body\.(300C0002|00280009)`, oneHas},
			{"^Accept: application/dicom.json", `body\..*\.vr`, nil},
			{"^Accept: application/dicom.json", `body\.00191050\.Value\[\]`, nil},
			{"^Accept: application/dicom.json", `body\..*\.Value\[\]`, numbers},
			{"^Accept: application/dicom.json", `body\..*\.Value\[\]`, sameButForSpace}}},
	{"DICOM XML", "our spelling", "DCMTK's", "the same model (PS3.19 A)", []*place{{"^Accept: application/dicom.xml", "body|Content-Length", nil}}},
	{"`Accept` with several types", "the one preferred", "the first that is known", "RFC 9110 12.5.1", []*place{
		{"^Accept: .*q=0.5", "body|Content-Type|Content-Disposition|Content-Length", nil}}},
	{"`DICOMDIR`", "our bytes", "DCMTK's", "both are right; checked with dcmdump and dcentvfy", []*place{
		{"/(media|create-media)", `body\.DICOMDIR`, nil}}},
	{"`Filename` of archives", "`/` becomes `_`", "as given", "a download does not choose its folder", []*place{
		{`"Filename": "a..b/c`, "Content-Disposition", nil}}},
	{"archives of a series", "the same names by GET and POST", "by POST without the folders of patient and study",
		"files of one study stay together", []*place{
			{"^POST /series/.*/archive", `body\.names\[\]`, nil}}},
	{"pictures and arrays of lossy JPEG", "differ by up to 4 gray values", "as DCMTK decodes", "decoders round in their own ways", []*place{
		{`^GET /(instances|series)/.*syntax=1\.2\.840\.10008\.1\.2\.4\.50$`, "body", nearly}}},
	{"pictures that cannot be made", "415 with a body that says why", "415 without one", "which transfer syntax it is", []*place{
		{"^GET /instances/.*(preview|image-|rendered)", "body|Content-Type", func(_, theirs any) bool { return theirs == "" }}}},
	{"pictures and arrays of JPEG Extended with 12 bits, JPEG-LS, RLE with 32 bits or 16 in color", "415", "there are some",
		"there is no decoder for them yet", []*place{
			{`^GET /(instances|series)/.*syntax=1\.2\.840\.10008\.1\.2\.(4\.51|4\.80|4\.81|5)$`, "status", of(415, 200)}}},
	{"arrays that cannot be made", "415", "500 or 400", "neither the server nor the request is wrong", []*place{
		{"^GET /(instances|series)/.*(numpy|matlab)", "status", of(415, 500)}, {"^GET /(instances|series)/.*numpy", "status", of(415, 400)}}},
	{"`matlab` of colors", "`[ 3 columns rows ]`", "`[ 3 rows columns ]`", "the shape of what is there", []*place{
		{"^GET /instances/.*/matlab", "body", otherShape}}},
	{"frames that are not there", "code 3", "code 15 for some objects", "it is the number that is wrong", []*place{
		{`/frames/.*/(raw$|numpy\?)`, `body\.(Message|OrthancError|OrthancStatus)`, nil}}},
	{"raw frames, matrices, transcoded files", "chunked", "with `Content-Length`", "sent while they are read", []*place{
		{"/frames/.*/raw|transcode=|/matlab", "Content-Length", nil}}},
	{"`/content/7fe0-0010/{n}`", "frames of all pixel data", "404 for some OB", "they are there", []*place{{"/content/7fe0-0010/1$", "status", nil}}},
	{"uploads", "taken with padding at the end, or pixel data that DCMTK cannot read; 404 without any tag", "400", "what can be kept is kept", []*place{
		{"^POST /instances (twice|preamble|/SC_rgb_jpeg.dcm)$", "status", nil}}},
	{"`%00` in a path", "404", "the path ends there", "no id has it", []*place{{"%00", "status", nil}}},
	{"`?since=...&limit=...`", "in the order of arrival", "in the order of ids", "what arrives meanwhile comes on the last page", []*place{
		{`^GET /(patients|studies|series|instances)\?since=1&limit=2$`, `body\[\]`, nil}}},
	{"bodies in JSON", "400 for what is no JSON", "comments, a comma too many, and anything behind the value are taken", "RFC 8259; nothing is guessed", []*place{
		{"^POST /tools/bulk-content .*(,}|none)$", "status", of(400, 200)}}},
	{"`.` and `..` in a path", "404", "resolved", "no id is one of these", []*place{{`^(GET|POST) .*/\.\.?/`, "status|body.*|Content-Type", nil}}},
	{"`X-HTTP-Method-Override`, `?_method=`", "not understood", "another method in place of the request's", "a link must not delete", []*place{
		{"^X-HTTP-Method-Override: DELETE|_method=DELETE", "status", nil}}},
	{"`/instances/{id}/export`", "403", "writes where it is told to, if `RestApiWriteToFileSystemEnabled`", "no request writes to the server's files (CVE-2023-33466)", []*place{
		{"^POST /instances/{id}/export ", "status", of(403, 200)}}},
	{"modules of a patient or study", "from the oldest instance", "from any", "instances may not agree", []*place{
		{"^GET /(patients|studies)/.*/module", `body.*`, nil}}},
}

const jsonType = "application/json; charset=utf-8"
