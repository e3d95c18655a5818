import Examples
import Testing

@Suite
struct ChecksumTests {
    @Test(arguments: ["a", "a/b.txt", "./a", "a/./b", "..a", "a..", "a/...", "with space", "a//b"])
    func `a name inside the folder is let in`(name: String) {
        #expect(ChecksumHandler.staysInside(name))
    }

    @Test(arguments: ["/", "/etc/passwd", "//a", "..", "../a", "a/..", "a/../b", "a//../../b", "../../etc/passwd"])
    func `a name that may lead out is not`(name: String) {
        #expect(!ChecksumHandler.staysInside(name))
    }
}
