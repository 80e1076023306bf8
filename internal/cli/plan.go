package cli

import (
	"slices"

	"gantry/internal/dicom"
	"gantry/internal/dul"
)

// maxContexts is how many presentation contexts an association can have (PS3.8 9.3.2.2: odd ids up to 255).
const maxContexts = 128

// batch is a set of objects whose presentation contexts fit into one association.
type batch struct {
	contexts []dul.ProposedContext
	objects  []*object
}

// plan spreads objects over as few batches as their presentation contexts allow. Every SOP class and transfer syntax
// met is proposed by itself, so that the peer's choice is known for each; native objects also as implicit VR, which
// every peer takes (PS3.5 10.1).
func plan(objects []object) []batch {
	classes := map[dicom.UID][]*object{}
	var order []dicom.UID
	for i := range objects {
		o := &objects[i]
		if classes[o.class] == nil {
			order = append(order, o.class)
		}
		classes[o.class] = append(classes[o.class], o)
	}
	var batches []batch
	for _, class := range order {
		contexts := contextsFor(class, classes[class])
		last := len(batches) - 1
		if last < 0 || len(batches[last].contexts)+len(contexts) > maxContexts {
			batches = append(batches, batch{})
			last++
		}
		batches[last].contexts = append(batches[last].contexts, contexts...)
		batches[last].objects = append(batches[last].objects, classes[class]...)
	}
	return batches
}

func contextsFor(class dicom.UID, objects []*object) []dul.ProposedContext {
	var syntaxes []dicom.UID
	convertible := false
	for _, o := range objects {
		if !slices.Contains(syntaxes, o.syntax.UID) {
			syntaxes = append(syntaxes, o.syntax.UID)
		}
		convertible = convertible || o.convertible()
	}
	if convertible && !slices.Contains(syntaxes, dicom.ImplicitVRLittleEndian) {
		syntaxes = append(syntaxes, dicom.ImplicitVRLittleEndian)
	}
	contexts := make([]dul.ProposedContext, len(syntaxes))
	for i, ts := range syntaxes {
		contexts[i] = dul.ProposedContext{AbstractSyntax: string(class), TransferSyntaxes: []string{string(ts)}}
	}
	return contexts
}
