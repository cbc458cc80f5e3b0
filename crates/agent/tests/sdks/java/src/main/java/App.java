import java.util.Locale;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.core.util.VersionInfo;

/**
 * The Java SDK as one of those that are tried at the doors: "shared|fresh COUNT [PAUSE_MILLIS]"
 * prints what it is, then a line for each time that credentials were asked for.
 */
public final class App {
    public static void main(String[] arguments) throws InterruptedException {
        boolean shared = arguments[0].equals("shared");
        int count = Integer.parseInt(arguments[1]);
        long pause = arguments.length > 2 ? Long.parseLong(arguments[2]) : 0;
        System.out.printf("{\"sdk\": \"%s\"}%n", VersionInfo.SDK_VERSION);
        DefaultCredentialsProvider provider = null;
        for (int turn = 0; turn < count; turn++) {
            long begun = System.nanoTime();
            if (turn == 0 || !shared) {
                if (provider != null) {
                    provider.close();
                }
                provider = DefaultCredentialsProvider.builder().build();
            }
            try {
                String key = provider.resolveCredentials().accessKeyId();
                String end = key.substring(key.length() - 4);
                say("key", end, begun);
            } catch (RuntimeException failed) {
                say("error", failed.getMessage(), begun);
            }
            if (turn + 1 < count) {
                Thread.sleep(pause);
            }
        }
    }

    private static void say(String what, String text, long begun) {
        long micros = (System.nanoTime() - begun) / 1000;
        String escaped = text.replace("\\", "\\\\").replace("\"", "\\\"").replaceAll("\\p{Cntrl}", " ");
        System.out.printf(Locale.ROOT, "{\"%s\": \"%s\", \"micros\": %d}%n", what, escaped, micros);
    }
}
