import Examples
import Foundation
import Testing

@Suite
struct BoundedFileTests {
    @Test(arguments: ["a", "a/b.txt", "./a", "a/./b", "..a", "a..", "a/...", "with space", "a//b"])
    func `a name inside the folder is let in`(name: String) {
        #expect(BoundedFile.staysInside(name))
    }

    @Test(arguments: ["/", "/etc/passwd", "//a", "..", "../a", "a/..", "a/../b", "a//../../b", "../../etc/passwd"])
    func `a name that may lead out is not`(name: String) {
        #expect(!BoundedFile.staysInside(name))
    }

    @Test(arguments: [
        ("", "the message names no file"),
        ("a\0b", "the message names no file"),
        ("../outside.txt", "'../outside.txt' leads out of the folder"),
        ("missing.txt", "'missing.txt' can not be found: No such file or directory"),
        ("good.txt/inside", "'good.txt/inside' can not be found: Not a directory"),
        (".", "'.' is a directory"),
        ("folder", "'folder' is a directory"),
        ("pipe", "'pipe' is no regular file"),
        ("out.link", "'out.link' is a link that leads out of the folder"),
        ("up/outside.txt", "'up/outside.txt' is a link that leads out of the folder"),
        ("beside.link", "'beside.link' is a link that leads out of the folder"),
        ("loop.link", "'loop.link' can not be found: Too many levels of symbolic links"),
    ])
    func `what can not be read says why`(name: String, reason: String) throws {
        let workshop = try Workshop()
        defer { workshop.remove() }
        let error = #expect(throws: BoundedFile.Unreadable.self) { _ = try BoundedFile(name, below: workshop.root) }
        #expect(error?.description == reason)
    }

    @Test(arguments: ["good.txt", "./good.txt", "in.link"])
    func `a file, or a link that stays inside, is read to its end`(name: String) throws {
        let workshop = try Workshop()
        defer { workshop.remove() }
        let file = try BoundedFile(name, below: workshop.root)
        var chunk = [UInt8](repeating: 0, count: 3)
        #expect(try file.read(into: &chunk) == 3)
        #expect(chunk == Array("goo".utf8))
        #expect(try file.read(into: &chunk) == 1)
        #expect(chunk[0] == UInt8(ascii: "d"))
        #expect(try file.read(into: &chunk) == 0)
    }

    @Test func `a folder that is not there is named`() {
        let error = #expect(throws: BoundedFile.Unreadable.self) { _ = try BoundedFile("a", below: "/no/such/folder") }
        #expect(error?.description == "'/no/such/folder' the folder can not be found: No such file or directory")
    }

    @Test func `the folder itself may be a link, and may be the root of all`() throws {
        let workshop = try Workshop()
        defer { workshop.remove() }
        var chunk = [UInt8](repeating: 0, count: 8)
        #expect(try BoundedFile("good.txt", below: "\(workshop.base)/root.link").read(into: &chunk) == 4)
        #expect(try BoundedFile(String("\(workshop.root)/good.txt".dropFirst()), below: "/").read(into: &chunk) == 4)
    }

    /// A folder with something of each kind in it.
    private struct Workshop {
        let base: String
        var root: String { "\(self.base)/root" }

        init() throws {
            let files = FileManager.default
            self.base = files.temporaryDirectory.appending(path: "millrace-\(UUID().uuidString)").path
            try files.createDirectory(atPath: "\(self.root)/folder", withIntermediateDirectories: true)
            // Its name begins with the folder's name, which is not the same as lying in it.
            try files.createDirectory(atPath: "\(self.base)/root-beside", withIntermediateDirectories: true)
            for file in ["outside.txt", "root-beside/file.txt", "root/good.txt"] {
                try Data("good".utf8).write(to: URL(filePath: "\(self.base)/\(file)"))
            }
            for (link, target) in [
                ("root/out.link", "../outside.txt"), ("root/up", ".."), ("root/in.link", "good.txt"),
                ("root/beside.link", "../root-beside/file.txt"), ("root/loop.link", "loop.link"), ("root.link", "root"),
            ] {
                try files.createSymbolicLink(atPath: "\(self.base)/\(link)", withDestinationPath: target)
            }
            try #require(mkfifo("\(self.root)/pipe", 0o600) == 0)
        }

        func remove() { try? FileManager.default.removeItem(atPath: self.base) }
    }
}
