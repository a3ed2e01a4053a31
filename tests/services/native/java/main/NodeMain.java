import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.opensearch.common.logging.LogConfigurator;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;

/** Runs one node from a home and a config folder, until it is told to end. */
public final class NodeMain {
    public static void main(String[] args) throws Exception {
        Settings settings = Settings.builder().put("path.home", args[0]).build();
        Environment environment =
            InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), Path.of(args[1]), () -> "node");
        LogConfigurator.configure(environment);
        try {
            Node node = new Node(environment);
            Runtime.getRuntime().addShutdownHook(new Thread(() -> close(node)));
            node.start();
        } catch (Throwable failure) {
            // A failed node leaves threads behind that would keep the process up.
            failure.printStackTrace();
            System.exit(1);
        }
        // The threads of a running node are daemons: this one keeps the process up.
        new CountDownLatch(1).await();
    }

    private static void close(Node node) {
        try {
            node.close();
            node.awaitClose(10, TimeUnit.SECONDS);
        } catch (Exception failure) {
            failure.printStackTrace();
        }
    }
}
