// go-msgauth as a peer: see peers/__init__.py for what each program takes and prints.
package main

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/emersion/go-msgauth/dkim"
)

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

func signer(octets []byte) crypto.Signer {
	block, _ := pem.Decode(octets)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	must(err)
	return key.(crypto.Signer)
}

func main() {
	message, err := os.ReadFile(os.Args[2])
	must(err)
	key, err := os.ReadFile(os.Args[3])
	must(err)
	count, err := strconv.Atoi(os.Args[4])
	must(err)
	result, field := "none", ""
	verifying := &dkim.VerifyOptions{LookupTXT: func(string) ([]string, error) {
		return []string{string(key)}, nil
	}}
	signing := &dkim.SignOptions{
		Domain: "example.com", Selector: "x",
		HeaderCanonicalization: dkim.Canonicalization(os.Args[5]),
		BodyCanonicalization:   dkim.Canonicalization(os.Args[6]),
	}
	if os.Args[1] == "sign" {
		signing.Signer = signer(key)
	}
	begin := cpu()
	for turn := 0; turn < count; turn++ {
		if os.Args[1] == "sign" {
			var signed bytes.Buffer
			must(dkim.Sign(&signed, bytes.NewReader(message), signing))
			result = "pass"
			field = strings.TrimSuffix(signed.String(), string(message))
			continue
		}
		verifications, err := dkim.VerifyWithOptions(bytes.NewReader(message), verifying)
		must(err)
		result = "pass"
		for _, verification := range verifications {
			if verification.Err != nil {
				result = "fail"
			}
		}
	}
	fmt.Printf("%s %.9f\n", result, cpu()-begin)
	fmt.Print(field)
}
