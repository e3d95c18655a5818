import Glibc
import Millrace
import Testing

@Suite
struct PluginTests {
    private let fixture: PluginFixture

    init() throws { self.fixture = try PluginFixture() }

    @Test func `a good plugin loads with its handlers`() throws {
        let plugin = try Plugin(path: try self.fixture.library("good"))
        #expect(plugin.name == "fixture")
        #expect(plugin.handlers.map(\.name) == ["fixture.touch", "fixture.sum"])
        #expect(plugin.handlers.map(\.isAsync) == [false, true])
    }

    @Test func `a file that was put in the place of another is loaded beside it; one that is the same is the same`()
        throws
    {
        let fixture = try PluginFixture()
        let path = try fixture.library("good")
        let first = try Plugin(path: path)
        #expect(try Plugin(path: path, anew: 1).handlers.first?.descriptor == first.handlers.first?.descriptor)
        let other = try fixture.library("same-name")
        try #require(rename(other, path) == 0)
        let second = try Plugin(path: path, anew: 2)
        #expect(second.handlers.first?.descriptor != first.handlers.first?.descriptor)
        #expect(try Plugin(path: path, anew: 3).handlers.first?.descriptor == second.handlers.first?.descriptor)
    }

    @Test func `a plugin without handlers loads`() throws {
        #expect(try Plugin(path: try self.fixture.library("no-handlers")).handlers.isEmpty)
    }

    @Test func `a missing file is named, with what to do`() {
        let path = self.fixture.folder + "/nowhere.so"
        let expected =
            "plugin \(path): there is no such file; "
            + "build it with `swift build -c release`, and compare the path under `plugins`"
        #expect(PluginFixture.sentence(path) == expected)
    }

    @Test func `a folder is no plugin`() {
        let path = self.fixture.folder
        let expected = "plugin \(path): this is a folder, not a shared library; name the .so file in it"
        #expect(PluginFixture.sentence(path) == expected)
    }

    @Test func `a text file is no plugin`() throws {
        let text = String(repeating: "This is no library. ", count: 100)
        let path = try self.fixture.file("text.so", text.utf8)
        #expect(PluginFixture.sentence(path) == self.notAnObject(path, "invalid ELF header"))
    }

    @Test(arguments: [0, 4, 40])
    func `a file shorter than an ELF header is no plugin`(length: Int) throws {
        let path = try self.fixture.file("short.so", try self.octets(ofLibrary: "good").prefix(length))
        #expect(PluginFixture.sentence(path) == self.notAnObject(path, "file too short"))
    }

    @Test func `a library that lost its end is refused before its code is touched`() throws {
        let octets = try self.octets(ofLibrary: "good")
        for length in [64, 200, 1000, octets.count / 4, octets.count / 2] {
            let path = try self.fixture.file("cut-\(length).so", octets.prefix(length))
            let expected = "plugin \(path): the end of the file is missing; copy or build it anew"
            #expect(PluginFixture.sentence(path) == expected, "\(length) octets of \(octets.count)")
        }
    }

    @Test func `a symbol that nobody has is named`() throws {
        let path = try self.fixture.library("undefined-symbol")
        let expected =
            "plugin \(path): it can not be loaded: \(path): undefined symbol: millrace_fixture_nowhere; "
            + "link the library that has it into the plugin"
        #expect(PluginFixture.sentence(path) == expected)
    }

    @Test(arguments: [
        ("no-symbol", "it has no symbol `millrace_plugin`; export one with @c(millrace_plugin)"),
        ("null-descriptor", "its `millrace_plugin` returned NULL; it must return a descriptor"),
        (
            "other-version",
            "it was built for plugin ABI 2, this millrace has ABI 1; "
                + "rebuild the plugin against the MillraceHandler of this version"
        ),
        ("too-small", "its descriptor is malformed: it says that it has 24 octets; rebuild the plugin"),
        ("no-name", "its descriptor is malformed: it has no name; rebuild the plugin"),
        ("null-handlers", "its descriptor is malformed: handler 0 is NULL; rebuild the plugin"),
        ("null-handler", "its descriptor is malformed: handler 1 is NULL; rebuild the plugin"),
        ("small-handler", "its descriptor is malformed: handler 0 says that it has 16 octets; rebuild the plugin"),
        ("handler-without-name", "its descriptor is malformed: handler 0 has no name; rebuild the plugin"),
        ("handler-with-empty-name", "its descriptor is malformed: handler 0 has no name; rebuild the plugin"),
        (
            "handler-without-make",
            "its descriptor is malformed: handler 'fixture.touch' lacks make, begin or drop; rebuild the plugin"
        ),
        ("duplicate", "it offers handler 'fixture.touch' twice; rename one"),
    ])
    func `a broken plugin is refused with one sentence`(name: String, sentence: String) throws {
        let path = try self.fixture.library(name)
        #expect(PluginFixture.sentence(path) == "plugin \(path): \(sentence)")
    }

    private func notAnObject(_ path: String, _ reason: String) -> String {
        "plugin \(path): it can not be loaded: \(path): \(reason); "
            + "this is not a shared library: name the .so file that the build made"
    }

    private func octets(ofLibrary name: String) throws -> [UInt8] {
        try #require(JobFileFixture.bytes(try self.fixture.library(name)))
    }
}
