// blitiri.com.ar/go/spf as a peer: see peers/spf.py for what each program takes and prints.
package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"

	"blitiri.com.ar/go/spf"
)

type zone map[string][]string

func (z zone) find(name, rrtype string) ([]string, error) {
	records := z[strings.ToLower(strings.TrimSuffix(name, "."))+" "+rrtype]
	if len(records) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	return records, nil
}

func (z zone) LookupTXT(_ context.Context, name string) ([]string, error) {
	return z.find(name, "TXT")
}

func (z zone) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	records, err := z.find(name, "MX")
	found := []*net.MX{}
	for _, host := range records {
		found = append(found, &net.MX{Host: host, Pref: 10})
	}
	return found, err
}

func (z zone) LookupIPAddr(_ context.Context, name string) ([]net.IPAddr, error) {
	ip4, err := z.find(name, "A")
	ip6, err6 := z.find(name, "AAAA")
	if err != nil && err6 != nil {
		return nil, err
	}
	found := []net.IPAddr{}
	for _, address := range append(append([]string{}, ip4...), ip6...) {
		found = append(found, net.IPAddr{IP: net.ParseIP(address)})
	}
	return found, nil
}

func (z zone) LookupAddr(_ context.Context, address string) ([]string, error) {
	return z.find(address, "PTR")
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

func cpu() float64 {
	var usage syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return float64(usage.Utime.Sec+usage.Stime.Sec) + float64(usage.Utime.Usec+usage.Stime.Usec)/1e6
}

func main() {
	octets, err := os.ReadFile(os.Args[1])
	must(err)
	records := zone{}
	for _, line := range strings.Split(strings.TrimSpace(string(octets)), "\n") {
		words := strings.SplitN(line, " ", 3)
		key := words[0] + " " + words[1]
		records[key] = append(records[key], words[2])
	}
	resolver := spf.WithResolver(records)
	questions := bufio.NewScanner(os.Stdin)
	for questions.Scan() {
		words := strings.Fields(questions.Text())
		ip := net.ParseIP(words[0])
		result, _ := spf.CheckHostWithSender(ip, words[1], words[2], resolver)
		if len(os.Args) < 3 {
			fmt.Println(result)
			continue
		}
		count, err := strconv.Atoi(os.Args[2])
		must(err)
		begin := cpu()
		for turn := 0; turn < count; turn++ {
			spf.CheckHostWithSender(ip, words[1], words[2], resolver)
		}
		fmt.Printf("%.9f\n", cpu()-begin)
	}
}
