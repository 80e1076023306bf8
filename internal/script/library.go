package script

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// longestText is the longest text that one call of string.rep, string.gsub or table.concat may make.
const longestText = 16 << 20

// open gives a program the libraries that reach nothing but its own values.
func open(state *lua.LState, out *output) {
	for _, library := range []struct {
		name string
		open lua.LGFunction
	}{{"", lua.OpenBase}, {lua.TabLibName, lua.OpenTable}, {lua.StringLibName, lua.OpenString}, {lua.MathLibName, lua.OpenMath}} {
		state.Push(state.NewFunction(library.open))
		state.Push(lua.LString(library.name))
		state.Call(1, 0)
	}
	for _, name := range []string{"dofile", "loadfile", "load", "loadstring", "require", "module", "newproxy", "_printregs", "collectgarbage"} {
		state.SetGlobal(name, lua.LNil)
	}
	state.SetGlobal("print", state.NewFunction(out.print))
	texts, _ := state.GetGlobal(lua.StringLibName).(*lua.LTable)
	tables, _ := state.GetGlobal(lua.TabLibName).(*lua.LTable)
	state.SetField(texts, "dump", lua.LNil)
	bound(state, texts, "rep", func(l *lua.LState) int {
		return len(l.CheckString(1)) * max(0, min(l.CheckInt(2), longestText+1))
	})
	bound(state, texts, "gsub", func(l *lua.LState) int {
		text := len(l.CheckString(1))
		if to, ok := l.Get(3).(lua.LString); ok {
			return (text+1)*len(to) + text
		}
		return text
	})
	bound(state, tables, "concat", concatenated)
}

// bound refuses a call of a library's function that could make a text longer than longestText.
func bound(state *lua.LState, library *lua.LTable, name string, size func(*lua.LState) int) {
	plain := state.GetField(library, name)
	state.SetField(library, name, state.NewFunction(func(l *lua.LState) int {
		if size(l) > longestText {
			l.RaiseError("%s: the text would be longer than the limit of %d bytes", name, longestText)
		}
		arguments := l.GetTop()
		l.Insert(plain, 1)
		l.Call(arguments, lua.MultRet)
		return l.GetTop()
	}))
}

// concatenated is how long the result of table.concat is at least; it stops counting beyond the limit.
func concatenated(l *lua.LState) int {
	list := l.CheckTable(1)
	between := len(l.OptString(2, ""))
	size := 0
	for i := l.OptInt(3, 1); i <= min(l.OptInt(4, list.Len()), list.Len()) && size <= longestText; i++ {
		size += between
		if text, ok := list.RawGetInt(i).(lua.LString); ok {
			size += len(text)
		}
	}
	return size
}

// print writes values as Orthanc's does: with a comma between them.
func (o *output) print(l *lua.LState) int {
	var texts []string
	for i := range l.GetTop() {
		texts = append(texts, l.ToStringMeta(l.Get(i+1)).String())
	}
	if !o.add(strings.Join(texts, ", ") + "\n") {
		l.RaiseError("more than the limit of %d bytes were printed", o.limit)
	}
	return 0
}
