import Foundation
import TestSupport
import Testing

/// `ops/install`, with the command that `ops/test` has built.
@Suite(.ownThread, .enabled(if: Tool.isBuilt, "needs a release build; ops/test has one"), .timeLimit(.minutes(5)))
struct InstallTests {
    private let folder: Scratch

    init() throws { self.folder = try Scratch() }

    private func install(_ arguments: [String], environment: [String: String] = [:]) throws -> Tool.Result {
        let given = ["MILLRACE": Tool.millrace, "DESTDIR": ""].merging(environment) { _, own in own }
        return try Tool.run(Tool.root + "ops/install", arguments, environment: given)
    }

    /// Which file a name leads to.
    private func file(_ name: String) throws -> UInt64 {
        let attributes = try FileManager.default.attributesOfItem(atPath: self.folder.path + name)
        return try #require(attributes[.systemFileNumber] as? UInt64)
    }

    @Test func `the command and its schema are put where they are wanted, and said`() throws {
        let result = try self.install(["--prefix", self.folder.path + "/a b"])
        #expect(result.status == 0, "\(result.errors)")
        let bin = self.folder.path + "/a b/bin/millrace"
        #expect(result.errors.contains("    \(bin)\n"))
        #expect(result.errors.contains("\(self.folder.path)/a b/bin is not on PATH"))
        #expect(result.errors.contains("libyaml-0-2"))
        let schema = try Tool.run(bin, ["schema"])
        let path = self.folder.path + "/a b/share/millrace/jobs.schema.json"
        #expect(schema.output == (try String(contentsOfFile: path, encoding: .utf8)))
    }

    @Test func `what is as it was stays, and what is not is another file`() throws {
        #expect(try self.install(["--prefix=" + self.folder.path]).status == 0)
        let first = try self.file("/bin/millrace")
        #expect(try self.install(["--prefix", self.folder.path + "/"]).status == 0)
        #expect(try self.file("/bin/millrace") == first)
        // Whoever runs the old one has it open: it must not be written into.
        let old = try #require(FileHandle(forUpdatingAtPath: self.folder.path + "/bin/millrace"))
        try old.seekToEnd()
        try old.write(contentsOf: Data("x".utf8))
        #expect(try self.install(["--prefix", self.folder.path]).status == 0)
        #expect(try self.file("/bin/millrace") != first)
        try old.seek(toOffset: try old.seekToEnd() - 1)
        #expect(try old.readToEnd() == Data("x".utf8))
        let names = try FileManager.default.contentsOfDirectory(atPath: self.folder.path + "/bin")
        #expect(names == ["millrace"], "nothing is left beside it")
    }

    @Test func `DESTDIR goes before the prefix`() throws {
        let result = try self.install(["--prefix", "/usr"], environment: ["DESTDIR": self.folder.path + "/stage"])
        #expect(result.status == 0, "\(result.errors)")
        #expect(FileManager.default.isExecutableFile(atPath: self.folder.path + "/stage/usr/bin/millrace"))
    }

    @Test func `with the runtime all of Swift that it needs lies beside it, also when the folder has moved`() throws {
        #expect(try self.install(["--prefix", self.folder.path + "/one", "--with-runtime"]).status == 0)
        try FileManager.default.moveItem(atPath: self.folder.path + "/one", toPath: self.folder.path + "/two")
        let command = self.folder.path + "/two/bin/millrace"
        #expect(try Tool.run(command, ["version"]).output.hasPrefix("millrace "))
        // Where it was built the compiler's folder comes first; all that is found there has to be here too.
        let needed = try Tool.run("/usr/bin/ldd", [command]).output
        #expect(needed.contains("libswiftCore.so"))
        for line in needed.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count > 2, words[2].contains("/swift/linux/") else { continue }
            let path = self.folder.path + "/two/lib/millrace/\(words[0].drop { $0 == "\t" })"
            #expect(FileManager.default.fileExists(atPath: path), "\(path)")
        }
        let dynamic = try Tool.run("/usr/bin/readelf", ["-d", command]).output
        #expect(dynamic.contains("$ORIGIN"))
    }

    @Test func `a folder that can not be written, and an argument that there is not`() throws {
        let taken = try self.folder.write("file", "")
        let result = try self.install(["--prefix", taken])
        #expect(result.status == 1)
        #expect(result.errors.contains("can not be made; may you write there?"))
        #expect(try self.install(["--prefx", "/x"]).status == 64)
        #expect(try self.install(["--prefix"]).status == 64)
        #expect(try self.install(["--help"]).output.contains("DESTDIR"))
    }
}
