package daemon_test

import (
	"bytes"
	"testing"

	"gantry/internal/dicom"
	"gantry/internal/scu"
)

// storeOne stores a new object in a process.
func storeOne(t *testing.T, p *process) dicom.UID {
	t.Helper()
	client, err := dialVictim(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Abort()
	return storeWith(t, client)
}

// storeWith stores a new object and returns its SOP Instance UID.
func storeWith(t *testing.T, client *scu.Client) dicom.UID {
	t.Helper()
	o := newObject()
	response, err := client.Store(t.Context(), &scu.StoreRequest{SOPClassUID: class, SOPInstanceUID: o.instance,
		TransferSyntax: dicom.ExplicitVRLittleEndian, Data: bytes.NewReader(o.dataset(t))})
	if err != nil || response.Err() != nil {
		t.Fatalf("%+v %v", response, err)
	}
	return o.instance
}

// commitmentRequest asks for the commitment of instances.
func commitmentRequest(transaction dicom.UID, instances ...dicom.UID) *scu.ActionRequest {
	return &scu.ActionRequest{ActionTypeID: 1, Dataset: actionInformation(transaction, instances),
		SOPClassUID: dicom.StorageCommitmentPushModel, SOPInstanceUID: dicom.StorageCommitmentPushModelInstance}
}

func actionInformation(transaction dicom.UID, instances []dicom.UID) *dicom.Dataset {
	ds := &dicom.Dataset{}
	ds.SetUID(dicom.TagTransactionUID, transaction)
	var items []*dicom.Dataset
	for _, instance := range instances {
		item := &dicom.Dataset{}
		item.SetUID(dicom.TagReferencedSOPClassUID, class)
		item.SetUID(dicom.TagReferencedSOPInstanceUID, instance)
		items = append(items, item)
	}
	ds.SetItems(dicom.TagReferencedSOPSequence, items...)
	return ds
}
