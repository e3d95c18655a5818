import Millrace
import Testing

@Suite
struct PluginRegistryTests {
    private let fixture: PluginFixture

    init() throws { self.fixture = try PluginFixture() }

    @Test func `handlers are found by their full names`() throws {
        let (registry, errors) = PluginRegistry.load([try self.fixture.library("good")])
        #expect(errors.isEmpty)
        #expect(registry.names == ["fixture.sum", "fixture.touch"])
        #expect(try registry.handler(named: "fixture.touch").name == "fixture.touch")
    }

    @Test(arguments: [
        ("fixture.tuch", "no plugin offers handler 'fixture.tuch'; there are fixture.touch, fixture.sum"),
        ("fixture.sun", "no plugin offers handler 'fixture.sun'; there are fixture.sum, fixture.touch"),
        ("elsewhere.go", "no plugin offers handler 'elsewhere.go'; there are fixture.sum, fixture.touch"),
    ])
    func `an unknown handler is answered with those there are, nearest first`(name: String, sentence: String) throws {
        let (registry, _) = PluginRegistry.load([try self.fixture.library("good")])
        let error = #expect(throws: PluginError.self) { try registry.handler(named: name) }
        #expect(error?.description == sentence)
    }

    @Test func `without a plugin the answer says so`() {
        let error = #expect(throws: PluginError.self) { try PluginRegistry().handler(named: "a.b") }
        #expect(error?.description == "no plugin offers handler 'a.b'; no plugin is loaded; name one under `plugins`")
    }

    @Test func `two plugins with a handler of the same name are named both`() throws {
        let good = try self.fixture.library("good")
        let other = try self.fixture.library("same-name")
        let (registry, errors) = PluginRegistry.load([good, other])
        let sentence = "plugin \(other): handler 'fixture.touch' is offered by \(good) too; load one of the two"
        #expect(errors.map(\.description) == [sentence])
        #expect(registry.names == ["fixture.sum", "fixture.touch"])
    }

    @Test func `every plugin's error is told, and the good ones load`() throws {
        let missing = self.fixture.folder + "/nowhere.so"
        let paths = [
            missing, try self.fixture.library("null-descriptor"), try self.fixture.library("good"), self.fixture.folder,
            try self.fixture.library("duplicate"),
        ]
        let (registry, errors) = PluginRegistry.load(paths)
        #expect(errors.map(\.path) == [paths[0], paths[1], paths[3], paths[4]])
        #expect(errors.map(\.problem) == [.missing, .noDescriptor, .isFolder, .duplicate("fixture.touch")])
        #expect(registry.names == ["fixture.sum", "fixture.touch"])
    }
}
