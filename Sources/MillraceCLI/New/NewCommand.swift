import AMQPClient
import ArgumentParser
import Glibc
import Millrace

struct NewCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "new",
        abstract: "Make a package with a handler, its job file and its tests.",
        discussion: """
            Makes the folder NAME: a manifest, a handler, jobs.yaml, tests of both, a README and a workflow for CI. Nothing that \
            is there is written over. `swift test` in it needs no broker.
            """
    )

    @Argument(help: "The package's name: small letters, digits and hyphens, a letter first.")
    var name: String

    @Option(help: "The folder in which it is made.", completion: .directory)
    var `in` = "."

    @Option(
        help: ArgumentHelp(
            "The Millrace that it depends on: the folder of a clone, or the address of one (default: the clone that this command was built from).",
            valueName: "clone"
        )
    )
    var millrace: String?

    func validate() throws {
        let octets = Array(self.name.utf8)
        func isLetter(_ octet: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(octet) }
        let areRight = octets.allSatisfy {
            isLetter($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: "-")
        }
        guard let first = octets.first, isLetter(first), areRight, octets.count <= 60, octets.last != UInt8(ascii: "-")
        else {
            throw ValidationError(
                "'\(PlainText.line(self.name))' is no name for a package: small letters, digits and hyphens, a letter first, as order-mails"
            )
        }
        guard !["millrace", "test", "tests"].contains(self.name) else {
            throw ValidationError(
                "'\(self.name)' is taken; name the package after what its handlers do, as order-mails"
            )
        }
    }

    func run() throws {
        guard let source = PackageSource(self.millrace) else {
            throw ValidationError(
                "the clone that this command was built from is not there any more; name one: --millrace CLONE"
            )
        }
        let template = PackageTemplate(name: self.name, source: source)
        let folder = NewFolder(path: self.in == "." ? self.name : "\(self.in)/\(self.name)")
        do throws(NewFolder.Refusal) {
            try folder.write(template.files)
        } catch {
            StandardError.write("\(error)")
            throw ExitCode.cannotCreate
        }
        for file in template.files { try StandardOutput.line("\(folder.path)/\(file.path)") }
        try StandardOutput.line("next: cd \(PlainText.line(folder.path)) && swift test")
    }
}
