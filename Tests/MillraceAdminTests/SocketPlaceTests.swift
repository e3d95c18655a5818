import Glibc
import Millrace
import MillraceAdmin
import TestSupport
import Testing

@Suite struct SocketPlaceTests {
    private func place(_ file: String, folder: String = "/home/ada", _ variables: [String: String] = [:]) -> String {
        SocketPlace(jobFile: file, ControlSettings(), folder: folder, environment: { variables[$0] }, user: 1000).path
    }

    @Test func `each way to name a file leads to one socket, each file to another`() {
        let path = self.place("jobs.yaml")
        #expect(path.hasPrefix("/tmp/millrace-1000/jobs-"))
        #expect(self.place("./jobs.yaml") == path)
        #expect(self.place("/home/ada/jobs.yaml") == path)
        #expect(self.place("../ada/x/../jobs.yaml") == path)
        #expect(self.place("jobs.yaml", folder: "/home/bob") != path)
        #expect(self.place("jobs2.yaml") != path)
    }

    @Test func `the system's places first`() {
        #expect(self.place("j.yaml", ["XDG_RUNTIME_DIR": "/run/user/1"]).hasPrefix("/run/user/1/millrace/j-"))
        let both = ["RUNTIME_DIRECTORY": "/run/a:/run/b", "XDG_RUNTIME_DIR": "/run/user/1"]
        #expect(self.place("j.yaml", both).hasPrefix("/run/a/j-"))
    }

    @Test func `a name makes no other path, and none that is too long`() {
        let odd = self.place("/x/a b\n;🐇" + String(repeating: "y", count: 300) + ".yaml")
        #expect(odd.utf8.count <= SocketPlace.longest)
        #expect(odd.allSatisfy { $0.isASCII && $0 != " " && $0 != "\n" })
        #expect(self.place("..").hasSuffix(".sock"))
    }

    @Test func `what the file names is taken`() {
        let place = SocketPlace(
            jobFile: "jobs.yaml",
            ControlSettings(socket: "run/s.sock"),
            folder: "/",
            environment: { _ in "/x" },
            user: 1
        )
        #expect(place == SocketPlace(path: "run/s.sock", isChosen: true))
        #expect(place.beside(7).path == "run/s.7.sock")
    }

    @Test func `its folder is for this user alone; a link or a longer path is refused`() throws {
        let scratch = try Scratch()
        let path = scratch.path + "/own/x.sock"
        try SocketPlace(path: path, isChosen: false).prepareFolder()
        var status = stat()
        #expect(stat(scratch.path + "/own", &status) == 0)
        #expect(status.st_mode & 0o777 == 0o700)
        chmod(scratch.path + "/own", 0o777)
        try SocketPlace(path: path, isChosen: false).prepareFolder()
        #expect(stat(scratch.path + "/own", &status) == 0 && status.st_mode & 0o777 == 0o700)
        symlink(scratch.path + "/own", scratch.path + "/link")
        #expect(throws: DoorFailure.self) {
            try SocketPlace(path: scratch.path + "/link/x.sock", isChosen: false).prepareFolder()
        }
        let long = "/" + String(repeating: "x", count: 107)
        #expect(throws: DoorFailure.self) { try SocketPlace(path: long, isChosen: true).prepareFolder() }
    }
}
