package sqlite

import (
	"fmt"
	"strconv"
	"strings"

	"gantry/internal/storage/index"
)

// findQuery is a Find in SQL. Conditions on the levels above become lists of keys, made from the top down, so that an
// index of any level may lead; conditions on the levels below ask whether there is a row that meets them.
type findQuery struct {
	find  *index.Find
	table *table
	where []string
	args  []arg
}

func newFindQuery(f *index.Find) (*findQuery, error) {
	if f.Level < index.Patient || f.Level > index.Instance {
		return nil, fmt.Errorf("index: find: there is no %v", f.Level)
	}
	q := &findQuery{find: f, table: &tables[f.Level]}
	q.where = q.atAndAbove(f.Level)
	for level := f.Level + 1; level <= index.Instance; level++ {
		q.where = append(q.where, q.below(level)...)
	}
	for i := range f.Metadata {
		q.where = append(q.where, q.metadata(&f.Metadata[i]))
	}
	switch {
	case len(f.Labels) > 0:
		q.where = append(q.where, q.labels())
	case f.LabelRule == index.NoLabel:
		q.where = append(q.where, "NOT EXISTS(SELECT 1 FROM labels WHERE labels.id="+q.table.name+".id)")
	}
	return q, nil
}

// bind adds a parameter and gives its name.
func (q *findQuery) bind(a arg) string {
	q.args = append(q.args, a)
	return "?" + strconv.Itoa(len(q.args))
}

func (q *findQuery) text(v string) string { return q.bind(text(v)) }

// atAndAbove gives the conditions on rows of a level: its own and, as one, those of the levels above it.
func (q *findQuery) atAndAbove(level index.Level) []string {
	t := &tables[level]
	var where []string
	if level > index.Patient {
		up := &tables[level-1]
		var above []string
		if level == index.Study && q.asksPatient() {
			where = append(where, q.ofPatient())
		} else {
			above = q.atAndAbove(level - 1)
		}
		switch {
		case len(above) == 1 && q.isOne(level-1):
			where = append(where, t.name+"."+t.parent+"=(SELECT pk FROM "+up.name+" WHERE "+above[0]+")")
		case len(above) > 0:
			where = append(where, t.name+"."+t.parent+" IN (SELECT pk FROM "+up.name+" WHERE "+and(above)+")")
		}
	}
	for _, r := range q.find.Within {
		if r.Level == level {
			where = append(where, t.name+".id="+q.bind(idOf(r.ID)))
		}
	}
	for i := range q.find.Criteria {
		if c := &q.find.Criteria[i]; c.Level == level {
			where = append(where, q.criterion(c, t.name))
		}
	}
	return where
}

// isOne tells whether the only condition on a level is which resource it is.
func (q *findQuery) isOne(level index.Level) bool {
	for _, r := range q.find.Within {
		if r.Level == level {
			return true
		}
	}
	return false
}

// below asks for one row of a lower level that meets all criteria on it.
func (q *findQuery) below(level index.Level) []string {
	var where []string
	leading := false
	for i := range q.find.Criteria {
		c := &q.find.Criteria[i]
		if c.Level != level {
			continue
		}
		where = append(where, q.criterion(c, tables[level].name))
		leading = leading || c.Kind == index.Equal && isUID(c.Tag)
	}
	if len(where) == 0 {
		return nil
	}
	from := tables[level].name
	for up := level - 1; up > q.find.Level; up-- {
		from += " JOIN " + tables[up].name + " ON " + tables[up].name + ".pk=" + tables[up+1].name + "." + tables[up+1].parent
	}
	child := &tables[q.find.Level+1]
	key := child.name + "." + child.parent
	if leading { // an identifier is found by its index
		return []string{q.table.name + ".pk IN (SELECT " + key + " FROM " + from + " WHERE " + and(where) + ")"}
	}
	return []string{"EXISTS(SELECT 1 FROM " + from + " WHERE " + key + "=" + q.table.name + ".pk AND " + and(where) + ")"}
}

func (q *findQuery) labels() string {
	names := q.text(jsonList(q.find.Labels))
	has := "(SELECT count(*) FROM labels WHERE labels.id=" + q.table.name + ".id AND label IN (SELECT value FROM json_each(" +
		names + ")))"
	switch q.find.LabelRule {
	case index.AnyLabel:
		return q.table.name + ".id IN (SELECT id FROM labels WHERE level=" + strconv.Itoa(int(q.find.Level)) +
			" AND label IN (SELECT value FROM json_each(" + names + ")))"
	case index.NoLabel:
		return has + "=0"
	}
	return q.table.name + ".id IN (SELECT id FROM labels WHERE level=" + strconv.Itoa(int(q.find.Level)) + " AND label=" +
		q.text(q.find.Labels[0]) + ") AND " + has + "=(SELECT count(DISTINCT value) FROM json_each(" + names + "))"
}

// from is the query behind its list of columns.
func (q *findQuery) from() string {
	from := " FROM " + q.table.name + q.joinAbove()
	if len(q.where) == 0 {
		return from
	}
	return from + " WHERE " + and(q.where)
}

// page gives the statement for the results behind a cursor: the key, then what they are sorted by.
func (q *findQuery) page(after index.Cursor, limit, offset int) string {
	key, values := after.Position()
	if len(q.find.Order) == 0 {
		q.where = append(q.where, q.table.name+".pk>"+q.bind(num(key)))
		return "SELECT " + q.table.name + ".pk" + q.from() + " ORDER BY " + q.table.name + ".pk" + q.window(limit, offset)
	}
	var columns, order strings.Builder
	for i := range q.find.Order {
		o := &q.find.Order[i]
		n := "o" + strconv.Itoa(i)
		columns.WriteString(", " + q.sortBy(o) + " AS " + n)
		if i == len(q.find.Order)-1 {
			order.WriteString(n + " IS NULL, ")
		}
		order.WriteString(n + direction(o) + ", ")
	}
	where := ""
	if values != nil {
		where = " WHERE " + q.behind(values, key)
	}
	return "SELECT * FROM (SELECT " + q.table.name + ".pk AS pk" + columns.String() + q.from() + ")" + where + " ORDER BY " +
		order.String() + "pk" + q.window(limit, offset)
}

func direction(o *index.Order) string {
	if o.Desc {
		return " DESC"
	}
	return ""
}

func (q *findQuery) window(limit, offset int) string {
	w := " LIMIT +" + q.bind(num(int64(limit)))
	if offset > 0 {
		w += " OFFSET " + q.bind(num(int64(offset)))
	}
	return w
}

// behind is true of what comes after a row in the order of the Find. SQLite takes NULL for less than any value; by the
// last key it comes last.
func (q *findQuery) behind(values []any, key int64) string {
	where := "pk>" + q.bind(num(key))
	for i := len(values) - 1; i >= 0; i-- {
		n := "o" + strconv.Itoa(i)
		desc := q.find.Order[i].Desc
		nullLast := desc || i == len(values)-1
		if values[i] == nil {
			if where = "(" + n + " IS NULL AND " + where + ")"; !nullLast {
				where = "(" + n + " IS NOT NULL OR " + where + ")"
			}
			continue
		}
		v, further := q.bind(anyOf(values[i])), n+">"
		if desc {
			further = n + "<"
		}
		if nullLast {
			further = n + " IS NULL OR " + further
		}
		where = "(" + further + v + " OR (" + n + "=" + v + " AND " + where + "))"
	}
	return where
}

// sortBy is what an Order compares.
func (q *findQuery) sortBy(o *index.Order) string {
	var value string
	if o.Tag == 0 {
		value = q.metadataValue(o.Metadata)
	} else {
		value = tables[o.Level].value(o.Tag, o.As == index.AsText)
	}
	switch o.As {
	case index.AsInt:
		return "CAST(" + value + " AS INTEGER)"
	case index.AsFloat:
		return "CAST(" + value + " AS REAL)"
	}
	return value
}

// joinAbove gives, beside a row, those above it whose values are sorted by. The row itself stays the one that leads.
func (q *findQuery) joinAbove() string {
	top := q.find.Level
	for i := range q.find.Order {
		if o := &q.find.Order[i]; o.Tag != 0 {
			top = min(top, o.Level)
		}
	}
	joins := ""
	for level := q.find.Level; level > top; level-- {
		row, up := &tables[level], &tables[level-1]
		joins += " CROSS JOIN " + up.name + " ON " + up.name + ".pk=" + row.name + "." + row.parent
	}
	return joins
}

func and(conditions []string) string { return strings.Join(conditions, " AND ") }
