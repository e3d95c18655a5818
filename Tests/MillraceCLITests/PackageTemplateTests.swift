import ArgumentParser
import Foundation
import Millrace
import Testing

@testable import MillraceCLI

/// What `millrace new` makes; `ops/test-new` builds it.
@Suite struct PackageTemplateTests {
    private static let template = PackageTemplate(
        name: "order-mails",
        source: .address("https://git.example.org/m.git")
    )

    @Test func `a package has a manifest, a handler, a job file, tests, a README and a workflow`() {
        #expect(
            Self.template.files.map(\.path) == [
                "Package.swift", "Sources/OrderMails/Greeting.swift", "Tests/OrderMailsTests/GreetingTests.swift",
                "Tests/OrderMailsTests/JobFileTests.swift", "jobs.yaml", "jobs.schema.json", "README.md",
                ".github/workflows/ci.yml", ".gitignore",
            ]
        )
        #expect(Self.template.files.allSatisfy { $0.text.hasSuffix("\n") })
    }

    @Test func `its job file is right, and its broker in the process unless AMQP_URL names another`() throws {
        let text = try #require(Self.template.files.first { $0.path == "jobs.yaml" }?.text)
        let file = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: [:])
        #expect(file.warnings == [])
        #expect(file.connection.embedded != nil)
        #expect(file.jobs.map(\.handler.description) == ["order_mails.hello"])
        let other = try JobFile.parse(bytes: Array(text.utf8), file: "jobs.yaml", environment: ["AMQP_URL": "amqp://a"])
        #expect(other.connection.uris == ["amqp://a"])
        #expect(other.connection.embedded == nil)
    }

    @Test func `the manifest names the clone that it was told, or the address`() throws {
        #expect(
            Self.template.files[0].text.contains(".package(url: \"https://git.example.org/m.git\", branch: \"main\")")
        )
        #expect(PackageSource("git@example.org:m.git") == .address("git@example.org:m.git"))
        #expect(PackageSource("/nowhere/at/all") == nil)
        let root = URL(filePath: #filePath).pathComponents.dropLast(3).joined(separator: "/").replacing("//", with: "/")
        #expect(PackageSource(root) == .folder(root))
        #expect(PackageSource(nil) == .folder(root))
    }

    @Test func `a folder that is there is not written over`() throws {
        let base = FileManager.default.temporaryDirectory.appending(path: "new-\(UUID().uuidString)").path()
        defer { try? FileManager.default.removeItem(atPath: base) }
        let folder = NewFolder(path: base)
        try folder.write(Self.template.files)
        let made = FileManager.default.enumerator(atPath: base)?.compactMap { $0 as? String } ?? []
        #expect(Self.template.files.allSatisfy { made.contains($0.path) })
        let error = #expect(throws: NewFolder.Refusal.self) { try folder.write(Self.template.files) }
        #expect(error?.description.contains("it is there already") == true)
    }

    @Test(arguments: ["Orders", "9", "a b", "", "a-", "../a", "test"])
    func `a name that is none is refused`(name: String) {
        #expect(throws: (any Error).self) { _ = try NewCommand.parse([name]) }
    }

    @Test func `a name that is one is taken`() throws {
        #expect(try NewCommand.parse(["order-mails2", "--in", "/tmp"]).name == "order-mails2")
    }
}
