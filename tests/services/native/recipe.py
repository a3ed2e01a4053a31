"""What the OpenSearch home is made of: artifacts, folders and descriptors. No file is read or written."""

from dataclasses import dataclass

OPENSEARCH = "3.5.0"
KNN = "3.5.0.0"
JAVA = 21
MAVEN_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"

# Part of the name of a built home: raise it when the code that assembles the home changes.
VERSION = 1

KNN_FOLDER = "plugins/opensearch-knn"

# Native code for HTTP/3 on five platforms: 10 MB that no node of the tests loads.
LEFT_OUT = ("io.netty:netty-codec-native-quic",)

CORE = (
    f"org.opensearch:opensearch:{OPENSEARCH}",
    f"org.opensearch:opensearch-plugin-classloader:{OPENSEARCH}",
    "org.apache.logging.log4j:log4j-core:2.25.3",
)


@dataclass(frozen=True, slots=True)
class Module:
    """One module of the node. Its name is the name of its folder, and other plugins refer to it."""

    name: str
    artifact: str
    classname: str

    @property
    def coordinates(self) -> str:
        """The module's artifact."""
        return f"org.opensearch.plugin:{self.artifact}:{OPENSEARCH}"

    @property
    def folder(self) -> str:
        """Where the module lies in the home."""
        return f"modules/{self.name}"


MODULES = (
    Module("transport-netty4", "transport-netty4-client", "org.opensearch.transport.Netty4ModulePlugin"),
    Module("analysis-common", "analysis-common", "org.opensearch.analysis.common.CommonAnalysisModulePlugin"),
    Module("lang-painless", "lang-painless", "org.opensearch.painless.PainlessModulePlugin"),
    Module("mapper-extras", "mapper-extras-client", "org.opensearch.index.mapper.MapperExtrasModulePlugin"),
    Module("reindex", "reindex-client", "org.opensearch.index.reindex.ReindexModulePlugin"),
    Module("lang-mustache", "lang-mustache-client", "org.opensearch.script.mustache.MustacheModulePlugin"),
)


@dataclass(frozen=True, slots=True)
class Part:
    """Artifacts that are fetched together for one folder of the home."""

    folder: str
    wanted: tuple[str, ...]
    transitive: bool = True

    @property
    def name(self) -> str:
        """A name fit for a folder and a Maven project."""
        return self.folder.replace("/", "-")


def parts() -> tuple[Part, ...]:
    """Return all parts of the home, `lib` first: the others leave out what lies there."""
    # Guava's own dependencies lie in `lib` already, and OpenSearch refuses a class that it finds twice.
    knn = (f"org.opensearch.plugin:opensearch-knn:{KNN}:zip", "com.google.guava:guava:33.5.0-jre")
    return (
        Part("lib", CORE),
        *(Part(module.folder, (module.coordinates,)) for module in MODULES),
        Part(KNN_FOLDER, knn, transitive=False),
    )


def descriptor(module: Module) -> str:
    """Return the text of the module's `plugin-descriptor.properties`."""
    lines = {
        "name": module.name,
        "description": f"{module.name} of OpenSearch",
        "version": OPENSEARCH,
        "opensearch.version": OPENSEARCH,
        "java.version": str(JAVA),
        "classname": module.classname,
        "extended.plugins": "",
        "has.native.controller": "false",
    }
    return "".join(f"{key}={value}\n" for key, value in lines.items())


def without_missing_plugins(text: str) -> str:
    """Return the k-NN plugin's descriptor with painless as the only plugin that it extends."""
    kept = [line for line in text.splitlines() if not line.startswith("extended.plugins")]
    return "\n".join([*kept, "extended.plugins=lang-painless", ""])
