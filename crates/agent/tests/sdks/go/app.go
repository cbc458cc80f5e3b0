// The Go SDK as one of those that are tried at the doors: "shared|fresh COUNT
// [PAUSE_MILLIS]" prints what it is, then a line for each time that credentials
// were asked for.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
)

func say(line map[string]any) {
	text, _ := json.Marshal(line)
	fmt.Println(string(text))
}

func resolve(loaded *aws.Config) (aws.Credentials, error) {
	if loaded.Credentials == nil {
		return aws.Credentials{}, fmt.Errorf("no provider")
	}
	return loaded.Credentials.Retrieve(context.Background())
}

func main() {
	shared := os.Args[1] == "shared"
	count, _ := strconv.Atoi(os.Args[2])
	pause := 0
	if len(os.Args) > 3 {
		pause, _ = strconv.Atoi(os.Args[3])
	}
	say(map[string]any{"sdk": aws.SDKVersion})
	var loaded aws.Config
	for turn := 0; turn < count; turn++ {
		begun := time.Now()
		var failed error
		if turn == 0 || !shared {
			loaded, failed = config.LoadDefaultConfig(context.Background())
		}
		var found aws.Credentials
		if failed == nil {
			found, failed = resolve(&loaded)
		}
		micros := time.Since(begun).Microseconds()
		if failed != nil {
			say(map[string]any{"error": failed.Error(), "micros": micros})
		} else {
			say(map[string]any{"key": found.AccessKeyID[len(found.AccessKeyID)-4:], "micros": micros})
		}
		if turn+1 < count {
			time.Sleep(time.Duration(pause) * time.Millisecond)
		}
	}
}
