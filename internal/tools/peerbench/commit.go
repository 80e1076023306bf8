package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/dul"
	"gantry/internal/scp"
	"gantry/internal/scu"
)

// benchCommit measures storage commitment: from the N-ACTION request to the report, for requests of growing size.
// Objects are stored between the sizes, never twice. A peer other than gantry has a minute for all of it.
func benchCommit(ctx context.Context, opt *options) error {
	fmt.Println("Storage commitment, from the request to the report")
	table := tabwriter.NewWriter(os.Stdout, 2, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "peer\treferences\tms\treferences/s\t")
	for _, p := range peers(opt) {
		if p.name == "storescp" {
			continue // it has no storage commitment
		}
		budget := 10 * time.Minute
		if p.name != "gantry" {
			budget = time.Minute
		}
		if err := commitSizes(ctx, opt, p, budget, table); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	err := table.Flush()
	fmt.Println()
	return err
}

// commitSizes asks one server for requests of all sizes until its time is used up.
func commitSizes(ctx context.Context, opt *options, p peer, budget time.Duration, table io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	dir, err := os.MkdirTemp(opt.scratch, p.name+"-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	server, err := p.start(ctx, opt, dir)
	if err != nil {
		return err
	}
	defer server.stop()
	port, err := os.ReadFile(filepath.Join(dir, "callback"))
	if err != nil {
		return err
	}
	var stored []dicom.UID
	for _, count := range opt.commit {
		took, err := commitSize(ctx, opt, server, string(port), count, &stored)
		if err != nil && ctx.Err() != nil {
			fmt.Fprintf(table, "%s\t%d\tnot reached\tin %s\t\n", p.name, count, budget)
			return nil
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(table, "%s\t%d\t%.1f\t%.0f\t\n", p.name, count, took*1000, float64(count)/took)
	}
	return nil
}

// commitSize stores what is missing for a request of the size and returns the median of its rounds in seconds.
func commitSize(ctx context.Context, opt *options, s *server, port string, count int, stored *[]dicom.UID) (float64, error) {
	if missing := count - len(*stored); missing > 0 {
		objects, err := os.MkdirTemp(opt.scratch, "objects-")
		if err != nil {
			return 0, err
		}
		defer os.RemoveAll(objects)
		folders, err := writeObjects(objects, size{name: "3k", bytes: 3000, count: missing}, 1)
		if err != nil {
			return 0, err
		}
		instances, err := instancesIn(folders[0])
		if err != nil {
			return 0, err
		}
		if _, err := send(ctx, opt, s, folders); err != nil {
			return 0, err
		}
		*stored = append(*stored, instances...)
	}
	var seconds []float64
	for range opt.rounds {
		took, err := askForCommitment(ctx, s, port, (*stored)[:count])
		if err != nil {
			return 0, err
		}
		seconds = append(seconds, took.Seconds())
	}
	return median(seconds), nil
}

// instancesIn returns the SOP Instance UIDs of the objects in a folder.
func instancesIn(folder string) ([]dicom.UID, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.dcm"))
	if err != nil {
		return nil, err
	}
	var list []dicom.UID
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		file, err := codec.OpenFile(f, codec.DefaultLimits())
		if err == nil {
			list = append(list, file.Meta.UID(dicom.TagMediaStorageSOPInstanceUID))
		}
		if err := errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// reports takes one N-EVENT-REPORT and tells what was in it.
type reports struct{ got chan outcome }

type outcome struct {
	succeeded, failed int
	err               error
}

func (r *reports) EventReport(_ context.Context, rq *scp.EventReportRequest) error {
	ds, err := rq.Dataset(codec.DefaultLimits())
	if err != nil {
		r.got <- outcome{err: err}
		return err
	}
	r.got <- outcome{succeeded: len(ds.Items(dicom.TagReferencedSOPSequence)), failed: len(ds.Items(dicom.TagFailedSOPSequence))}
	return nil
}

// askForCommitment returns the time from sending the request to having the report.
func askForCommitment(ctx context.Context, s *server, port string, instances []dicom.UID) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strings.TrimSpace(port)))
	if err != nil {
		return 0, err
	}
	inbox := &reports{got: make(chan outcome, 1)}
	receiver := scp.NewServer(scp.Config{Handler: inbox, Accept: acceptAnything})
	go func() { _ = receiver.Serve(ctx, listener) }()
	defer func() { _ = receiver.Shutdown(ctx) }()

	client, err := scu.Dial(ctx, scu.Config{Addr: s.address(), CallingAET: callbackAET, CalledAET: "ANY-SCP",
		Contexts: []dul.ProposedContext{{AbstractSyntax: string(dicom.StorageCommitmentPushModel),
			TransferSyntaxes: []string{string(dicom.ExplicitVRLittleEndian), string(dicom.ImplicitVRLittleEndian)}}}})
	if err != nil {
		return 0, err
	}
	defer func() { _ = client.Release(ctx) }()
	request := commitmentDataset(instances)
	began := time.Now()
	response, err := client.Action(ctx, &scu.ActionRequest{SOPClassUID: dicom.StorageCommitmentPushModel,
		SOPInstanceUID: dicom.StorageCommitmentPushModelInstance, ActionTypeID: 1, Dataset: request})
	if err != nil {
		return 0, err
	}
	if err := response.Err(); err != nil {
		return 0, err
	}
	select {
	case got := <-inbox.got:
		if got.err != nil || got.succeeded != len(instances) {
			return 0, fmt.Errorf("%d of %d references committed, %d failed: %w", got.succeeded, len(instances), got.failed, got.err)
		}
		return time.Since(began), nil
	case <-ctx.Done():
		return 0, fmt.Errorf("no report came: %w", ctx.Err())
	}
}

func acceptAnything(_ *scp.Peer, _ dicom.UID, proposed []dicom.UID) (dicom.UID, scp.ContextResult) {
	return proposed[0], scp.Accepted
}

func commitmentDataset(instances []dicom.UID) *dicom.Dataset {
	ds := &dicom.Dataset{}
	ds.SetString(dicom.TagTransactionUID, dicom.VRUI, string(dicom.NewUID()))
	items := make([]*dicom.Dataset, len(instances))
	for i, uid := range instances {
		items[i] = &dicom.Dataset{}
		items[i].SetString(dicom.TagReferencedSOPClassUID, dicom.VRUI, string(dicom.CTImageStorage))
		items[i].SetString(dicom.TagReferencedSOPInstanceUID, dicom.VRUI, string(uid))
	}
	ds.SetItems(dicom.TagReferencedSOPSequence, items...)
	return ds
}
