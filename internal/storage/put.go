package storage

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // Orthanc's attachments are compared and named by MD5
	"errors"
	"hash"
	"io"
	"time"

	"gantry/internal/dicom"
	"gantry/internal/dicom/codec"
	"gantry/internal/storage/blob"
	"gantry/internal/storage/index"
)

// PutRequest is an object to store.
type PutRequest struct {
	// Data is read to its end (unless an error stops it); it is never held as a whole.
	Data io.Reader
	// Size is a hint at the number of bytes, 0 if unknown.
	Size int64
	// Received says that Data is a bare data set in TransferSyntax, from a C-STORE with the two UIDs below; it is
	// kept bit for bit behind our own file meta information. Otherwise Data is a DICOM file, kept byte for byte.
	Received       bool
	SOPClassUID    dicom.UID
	SOPInstanceUID dicom.UID
	TransferSyntax dicom.UID
	Origin         index.Origin
	// Overwrite replaces Options.Overwrite for this object if not nil.
	Overwrite *Overwrite
	// Time of reception; the store's clock if zero.
	Time time.Time
}

// PutStatus tells what became of an object.
type PutStatus uint8

// The outcomes; each of them means that the instance is durable and findable.
const (
	Stored        PutStatus = iota // new
	AlreadyStored                  // it was there and stays as it was
	Replaced                       // it took the place of an earlier copy
)

// String is the status as Orthanc's POST /instances spells it.
func (s PutStatus) String() string {
	if s == AlreadyStored {
		return "AlreadyStored"
	}
	return "Success"
}

// PutResult names the stored instance and its parents.
type PutResult struct {
	InstanceID, SeriesID, StudyID, PatientID index.ID
	SOPClassUID, SOPInstanceUID              dicom.UID
	Status                                   PutStatus
}

// arrival is an object on its way into the store.
type arrival struct {
	flight
	claim
	n   index.NewInstance
	old *index.Blob // replaced by it
	packing

	series     *arriving // what arrives of its series; nil if nobody asked
	remembered bool      // something of the same identity came lately
	kept       bool      // it is in the log and will be in the index, whatever goes wrong after that
}

// Put takes an object in and returns when it is durable and findable. Two Puts of one instance do not overlap: the
// second sees what the first has done.
//
// Errors: *BadObjectError, *MismatchError, ErrFull, ErrReadOnly, ErrWriteStopped, ErrBusy, ErrUnavailable, the error of
// rq.Data, that of ctx. After an error nothing of the object is there.
func (s *Store) Put(ctx context.Context, rq *PutRequest) (*PutResult, error) {
	rs, err := s.put(ctx, rq)
	s.o.Observer.put(rs, err)
	return rs, err
}

func (s *Store) put(ctx context.Context, rq *PutRequest) (*PutResult, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	w, err := s.blobs.Create(ctx, rq.Size)
	if err != nil {
		return nil, s.typed("begin an object", err)
	}
	defer w.Discard()
	mode := s.o.Overwrite
	if rq.Overwrite != nil {
		mode = *rq.Overwrite
	}
	a := &arrival{}
	if err := s.receive(w, rq, mode, a); err != nil {
		return nil, err
	}
	a.n.Signatures = s.plan.signatures
	a.patient, a.creates = a.n.Patient, true
	s.room.enter(a.patient)
	defer s.room.leave(a.patient)
	status, err := s.takeIn(ctx, mode, a)
	if err != nil {
		return nil, err
	}
	defer s.identities.unlock(a.n.ID)
	defer s.arrivals.leave(a)
	defer func() { s.room.settle(&a.claim, a.kept) }()
	if status != AlreadyStored {
		if err := s.keep(ctx, w, a); err != nil {
			return nil, err
		}
	}
	rs := &PutResult{InstanceID: a.n.ID, SeriesID: a.n.Series, StudyID: a.n.Study, PatientID: a.n.Patient,
		SOPClassUID: a.n.SOPClassUID, SOPInstanceUID: a.n.SOPInstanceUID, Status: status}
	if status != AlreadyStored {
		s.feed.tell(NewInstance{PutResult: *rs, TransferSyntax: a.n.TransferSyntax, Origin: a.n.Origin})
	}
	return rs, nil
}

// ready tells whether objects can be taken at all.
func (s *Store) ready(ctx context.Context) error {
	if err := s.writable(); err != nil {
		return err
	}
	if n, err := s.pending.state(); n >= pendingMax || err != nil {
		return s.flush(ctx)
	}
	return nil
}

// receive takes the bytes and reads the header from them.
func (s *Store) receive(w blob.Writer, rq *PutRequest, mode Overwrite, a *arrival) error {
	src := &source{r: rq.Data}
	var sum hash.Hash
	if mode == OverwriteIfChanged {
		sum = md5.New() //nolint:gosec // see the import
		src.r = io.TeeReader(rq.Data, sum)
	}
	a.n.Received = rq.Time
	if rq.Time.IsZero() {
		a.n.Received = s.o.Clock()
	}
	a.n.Received, a.n.Origin = index.Now(a.n.Received), rq.Origin
	to := sink(w)
	var pack *packer
	if s.o.Compress {
		pack = newPacker(w)
		defer pack.release()
		to = pack
	}
	var offset int64
	if rq.Received {
		a.n.SOPClassUID, a.n.TransferSyntax = rq.SOPClassUID, rq.TransferSyntax
		meta := codec.EncodeFileMeta(codec.MetaInfo{SOPClassUID: rq.SOPClassUID, SOPInstanceUID: rq.SOPInstanceUID,
			TransferSyntaxUID: rq.TransferSyntax})
		if sum != nil {
			_, _ = sum.Write(meta) // a hash never fails
		}
		if _, err := to.Write(meta); err != nil {
			return s.typed("write an object", err)
		}
		offset = int64(len(meta))
	}
	if err := s.readHeader(to, src, offset, a); err != nil {
		return err
	}
	if pack != nil {
		var err error
		if a.packing, err = pack.finish(); err != nil {
			return s.typed("write an object", err)
		}
	}
	a.n.Blob = index.Blob{Upload: !rq.Received, Size: w.Size(), Plain: a.plain, CRC32C: w.Checksum()}
	if sum != nil {
		sum.Sum(a.n.Blob.MD5[:0])
		a.n.Blob.HasMD5 = true
	}
	return matches(rq, &a.n)
}

// matches compares the data set with what the C-STORE request said of it (PS3.4 B.2.3).
func matches(rq *PutRequest, n *index.NewInstance) error {
	if !rq.Received {
		return nil
	}
	if rq.SOPInstanceUID != "" && rq.SOPInstanceUID != n.SOPInstanceUID {
		return &MismatchError{Tag: dicom.TagSOPInstanceUID, Command: rq.SOPInstanceUID, Data: n.SOPInstanceUID}
	}
	if rq.SOPClassUID != "" && rq.SOPClassUID != n.SOPClassUID {
		return &MismatchError{Tag: dicom.TagSOPClassUID, Command: rq.SOPClassUID, Data: n.SOPClassUID}
	}
	return nil
}

// source remembers the error of the reader it reads, to tell it from one of the disk.
type source struct {
	r    io.Reader
	err  error
	walk *fragments // follows what is read; nil if nothing is to be followed
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if s.walk != nil {
		s.walk.feed(p[:n])
	}
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// diskTee writes what is read through it, and remembers the error of that.
type diskTee struct {
	r   io.Reader
	w   io.Writer
	err error
}

func (t *diskTee) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	if n > 0 {
		if _, werr := t.w.Write(p[:n]); werr != nil {
			t.err = werr
			return n, werr
		}
	}
	return n, err
}

// readHeader copies src into w and reads the header from the beginning of it, which lies in memory. A header that is
// longer than that is read from the stream as it goes by.
func (s *Store) readHeader(w sink, src *source, offset int64, a *arrival) error {
	h := s.plan.get()
	defer s.plan.put(h)
	if _, err := w.ReadFrom(io.LimitReader(src, blob.HeadSize)); err != nil {
		return s.received(src, err)
	}
	whole := w.Size()-offset < blob.HeadSize
	at, parseErr := s.parseHead(h, w.Head(), offset, a)
	if p, ok := w.(*packer); ok {
		p.suit(dicom.LookupTransferSyntax(a.n.TransferSyntax))
	}
	src.walk = h.follow(w.Head(), at, dicom.LookupTransferSyntax(a.n.TransferSyntax))
	if !whole && (parseErr != nil || h.pixelAt < 0) {
		h.reset()
		src.walk = nil
		tee := &diskTee{r: src, w: w}
		at, parseErr = s.parseStream(h, io.MultiReader(bytes.NewReader(bytes.Clone(w.Head())), tee), offset, a)
		if tee.err != nil {
			return s.typed("write an object", tee.err)
		}
	}
	if !whole && src.err == nil {
		if _, err := w.ReadFrom(src); err != nil {
			return s.received(src, err)
		}
	}
	if src.err != nil {
		return src.err
	}
	if parseErr != nil {
		return badData(parseErr)
	}
	if err := s.plan.instance(h, &a.n, at, w.Size()); err != nil {
		return err
	}
	return h.whole(at, w.Size(), src.walk)
}

// received tells the source's errors from the disk's.
func (s *Store) received(src *source, err error) error {
	if src.err != nil {
		return src.err
	}
	return s.typed("write an object", err)
}

// parseHead reads the header from memory and returns from where its offsets count.
func (s *Store) parseHead(h *header, head []byte, offset int64, a *arrival) (int64, error) {
	if offset > 0 {
		ts := dicom.LookupTransferSyntax(a.n.TransferSyntax)
		h.reader.ResetBytes(head[offset:], ts, s.o.Limits)
		err := s.plan.read(h, h.reader)
		if real := codec.DetectTransferSyntax(head[offset:], ts); err != nil && real != ts {
			h.reset() // it was sent in another encoding than was agreed on: kept as it came
			h.reader.ResetBytes(head[offset:], real, s.o.Limits)
			err = s.plan.read(h, h.reader)
		}
		return offset, err
	}
	f, err := codec.OpenFileBytes(head, s.o.Limits)
	if err != nil {
		return 0, err
	}
	return s.parseFile(h, f, a)
}

// parseStream is parseHead for a stream.
func (s *Store) parseStream(h *header, r io.Reader, offset int64, a *arrival) (int64, error) {
	if offset > 0 {
		if _, err := io.CopyN(io.Discard, r, offset); err != nil {
			return 0, err
		}
		h.reader.Reset(r, dicom.LookupTransferSyntax(a.n.TransferSyntax), s.o.Limits)
		return offset, s.plan.read(h, h.reader)
	}
	f, err := codec.OpenFile(r, s.o.Limits)
	if err != nil {
		return 0, err
	}
	return s.parseFile(h, f, a)
}

func (s *Store) parseFile(h *header, f *codec.File, a *arrival) (int64, error) {
	a.n.TransferSyntax = f.TransferSyntax.UID
	if a.n.SOPClassUID == "" {
		a.n.SOPClassUID = f.Meta.UID(dicom.TagMediaStorageSOPClassUID)
	}
	return 0, s.plan.read(h, f.Reader) // its offsets count from the start of the file
}
