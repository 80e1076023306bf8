package jobs

import "container/heap"

// queue orders pending jobs: larger priority first, then the order of submission.
type queue []*entry

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	a, b := &q[i].rec, &q[j].rec
	if a.Priority != b.Priority {
		return a.Priority > b.Priority
	}
	return a.Seq < b.Seq
}
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

// Push and Pop serve container/heap.
func (q *queue) Push(x any) {
	en := x.(*entry)
	en.index = len(*q)
	*q = append(*q, en)
}

func (q *queue) Pop() any {
	last := len(*q) - 1
	en := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	en.index = -1
	return en
}

func (q *queue) add(en *entry) { heap.Push(q, en) }
func (q *queue) next() *entry  { return heap.Pop(q).(*entry) }
func (q *queue) remove(en *entry) {
	if en.index >= 0 {
		heap.Remove(q, en.index)
	}
}
func (q *queue) fix(en *entry) {
	if en.index >= 0 {
		heap.Fix(q, en.index)
	}
}
