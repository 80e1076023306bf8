package cli_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// scriptCommit has the daemon at a URL ask the one at a DICOM address for commitment of a CT image.
func scriptCommit(ts *testscript.TestScript, _ bool, args []string) {
	name, url, peer, instance := args[0], args[1], args[2], args[3]
	host, port, err := net.SplitHostPort(peer)
	ts.Check(err)
	modality := fmt.Sprintf(`{"AET": "GANTRY", "Host": %q, "Port": %s, "StorageCommitmentDelivery": "same"}`, host, port)
	rq, err := http.NewRequest(http.MethodPut, url+"/modalities/pacs", strings.NewReader(modality))
	ts.Check(err)
	answer, err := http.DefaultClient.Do(rq)
	ts.Check(err)
	ts.Check(answer.Body.Close())
	body := fmt.Sprintf(`{"DicomInstances": [[%q, %q]]}`, classOf("CT"), instance)
	answer, err = http.Post(url+"/modalities/pacs/storage-commitment", "application/json", strings.NewReader(body))
	ts.Check(err)
	var request struct{ ID string }
	ts.Check(json.NewDecoder(answer.Body).Decode(&request))
	ts.Check(answer.Body.Close())
	ts.Setenv(name, request.ID)
}
