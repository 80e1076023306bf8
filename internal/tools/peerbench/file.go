package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"gantry/internal/tools/phantom"
)

// fileClients is how many clients read files at once, each on its own connection.
const fileClients = 4

// benchFile measures GET /instances/{id}/file, by one client and by several. Each file is read once by either, as viewers
// do, and all of them are more than Orthanc keeps in memory (MaximumStorageCacheSize).
func benchFile(ctx context.Context, opt *options) error {
	for _, size := range []struct {
		name           string
		bytes, objects int
	}{{"528 kB", 528_000, 500}, {"36 kB", 36_000, 4500}} {
		one := fmt.Sprintf("GET /instances/{id}/file of %s, one client, files/s", size.name)
		several := fmt.Sprintf("GET /instances/{id}/file of %s, %d clients, files/s", size.name, fileClients)
		err := restRounds(ctx, opt, []string{one, several}, func(ctx context.Context, s *server) (figures, error) {
			list, err := upload(ctx, s.base(), size.objects, series(phantom.SideFor(size.bytes)))
			if err != nil {
				return nil, err
			}
			got := figures{}
			for _, pass := range []struct {
				title   string
				clients int
			}{{one, 1}, {several, fileClients}} {
				began := time.Now()
				err := parallel(pass.clients, len(list), func(i int) error {
					return ask(ctx, http.MethodGet, s.base()+"/instances/"+list[i].ID+"/file", nil, nil)
				})
				if err != nil {
					return nil, err
				}
				got[pass.title] = float64(len(list)) / time.Since(began).Seconds()
			}
			return got, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
