package rest

import (
	"strconv"

	"gantry/internal/storage/index"
)

// resourceStatistics counts what lies at and below one resource.
func resourceStatistics(level index.Level) func(*Server, *Call) error {
	return func(s *Server, c *Call) error {
		id, err := c.resourceID()
		if err != nil {
			return err
		}
		var st index.Statistics
		err = s.Store.View(c.Request.Context(), func(tx index.ReadTx) error {
			st, err = tx.ResourceStatistics(level, id)
			return err
		})
		if err != nil {
			return err
		}
		answer := map[string]any{}
		for _, count := range []struct {
			name  string
			level index.Level
			n     int64
		}{{"CountStudies", index.Study, st.Studies}, {"CountSeries", index.Series, st.Series},
			{"CountInstances", index.Instance, st.Instances}} {
			if count.level > level {
				answer[count.name] = count.n
			}
		}
		for name, bytes := range map[string]int64{"DicomDiskSize": st.Bytes, "DicomUncompressedSize": st.Plain,
			"DiskSize": st.Bytes + st.AttachedBytes, "UncompressedSize": st.Plain + st.AttachedPlain} {
			answer[name], answer[name+"MB"] = strconv.FormatInt(bytes, 10), bytes>>20
		}
		return c.JSON(answer)
	}
}
