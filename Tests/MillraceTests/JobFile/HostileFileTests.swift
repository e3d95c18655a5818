import Millrace
import Testing

#if canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Files that mean harm, or that something has damaged.
@Suite struct HostileFileTests {
    /// What this thread has computed for: the machine may be busy with something else.
    private var cpuSeconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private func loadProblems(_ path: String) -> [Diagnostic] {
        do throws(JobFileError) {
            return try JobFile.load(path: path, environment: [:]).warnings
        } catch {
            return error.diagnostics
        }
    }

    @Test func `aliases that stand for ten thousand million values are refused, and fast`() {
        let text =
            "x-0: &a0 [1,1,1,1,1,1,1,1,1,1]\n"
            + (1...10).map {
                "x-\($0): &a\($0) [\(Array(repeating: "*a\($0 - 1)", count: 10).joined(separator: ","))]\n"
            }
            .joined()
        let start = self.cpuSeconds
        #expect(JobFileFixture.problems(text).map(\.id) == ["alias-budget"])
        #expect(self.cpuSeconds - start < 1)
    }

    @Test func `merge keys that multiply are refused`() {
        let keys = (0..<100).map { "k\($0): 1" }.joined(separator: ", ")
        let merges = (0..<2000).map { "x-\($0): { <<: *a }\n" }.joined()
        #expect(JobFileFixture.problems("x-a: &a { \(keys) }\n" + merges).map(\.id) == ["alias-budget"])
    }

    @Test(arguments: ["[", "{ a: ", "- ", "? "])
    func `ten thousand levels are refused without a stack overflow`(opening: String) {
        let text = String(repeating: opening, count: 10_000)
        let problems = JobFileFixture.problems("version: 1\njobs:\n  \(text)")
        #expect(problems.map(\.id) == ["too-deep"])
        #expect(problems.first?.line == 3)
    }

    @Test func `aliases within aliases do not get past the depth limit`() {
        let chain = (1...100).map { "x-\($0): &a\($0) [*a\($0 - 1)]\n" }.joined()
        #expect(JobFileFixture.problems("x-0: &a0 [1]\n" + chain).map(\.id) == ["too-deep"])
    }

    @Test func `what would make the parser or the expansion quadratic is refused, or cheap`() {
        let start = self.cpuSeconds
        let directives = (0..<60_000).map { "%TAG !\($0)! x\n" }.joined()
        #expect(JobFileFixture.problems(directives + "---\na: 1\n").map(\.id) == ["tag"])
        let variables = (0..<60_000).map { "${V\($0):-}" }.joined()
        #expect(JobFileFixture.problems(JobFileFixture.withJob("with: { a: \"\(variables)\" }")) == [])
        let keys = (0..<20_000).map { "thread\($0): 1\n" }.joined()
        #expect(JobFileFixture.problems(keys).count == DiagnosticLog.limit)
        #expect(self.cpuSeconds - start < 20)  // quadratic, it is minutes
    }

    @Test func `a file of 100 MB is refused without being read`() throws {
        let path = "/tmp/millrace-huge-\(getpid()).yaml"
        let descriptor = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0o600)
        try #require(descriptor >= 0)
        defer { unlink(path) }
        #expect(ftruncate(descriptor, 100 << 20) == 0)
        close(descriptor)
        #expect(self.loadProblems(path).map(\.id) == ["file-too-large"])
        #expect(
            JobFileError(diagnostics: self.loadProblems(path)).description == """
                \(path): error: larger than 1024 KiB: not a job file [file-too-large]
                1 error in \(path); nothing was started.

                """
        )
    }

    @Test func `a device without end is read up to the limit only`() {
        #expect(self.loadProblems("/dev/zero").map(\.id) == ["file-too-large"])
    }

    @Test func `what cannot be read says why`() {
        let missing = self.loadProblems("/nowhere/jobs.yaml")
        #expect(missing.map(\.id) == ["file-unreadable"])
        #expect(missing.first?.message == "cannot read the file: No such file or directory")
        #expect(self.loadProblems("/tmp").first?.message == "cannot read the file: Is a directory")
        #expect(self.loadProblems("/dev/null").map(\.id) == ["empty-file"])
    }

    @Test func `bytes over the limit are refused whoever brings them`() {
        let text = "# " + String(repeating: "x", count: YAMLLimits.fileBytes)
        #expect(JobFileFixture.problems(text).map(\.id) == ["file-too-large"])
    }

    @Test func `a NUL that an escape writes is refused where it stands`() {
        let problems = JobFileFixture.problems(JobFileFixture.withJob(#"with: { a: "x\0y" }"#))
        #expect(problems.map(\.id) == ["control-character"])
        #expect(problems.first?.column == 16)
    }

    @Test func `many mistakes on one long line stay cheap`() {
        let line = (0..<3000).map { "k\($0): 1" }.joined(separator: ", ")
        let problems = JobFileFixture.problems("{ \(line) }")
        #expect(problems.count == DiagnosticLog.limit)
        #expect(DiagnosticRenderer.render(problems).utf8.count < 50_000)
    }

    /// `MILLRACE_SEED=17` runs that seed alone.
    private static let seeds: [UInt64] =
        getenv("MILLRACE_SEED").flatMap { UInt64(String(cString: $0)) }.map { [$0] }
        ?? Array(0..<200)

    @Test(arguments: seeds)
    func `a damaged file gives a job file or located diagnostics`(seed: UInt64) throws {
        let good = try #require(JobFileFixture.bytes(JobFileFixture.folder + "/good.yaml"))
        var random = SeededRandom(seed: seed)
        var bytes = good
        for _ in 0...Int.random(in: 0..<4, using: &random) { Self.damage(&bytes, &random) }
        do throws(JobFileError) {
            let file = try JobFile.parse(bytes: bytes, file: "jobs.yaml", environment: [:])
            #expect(!file.jobs.isEmpty, "seed \(seed)")
        } catch {
            #expect(error.diagnostics.contains { $0.severity == .error }, "seed \(seed)")
            let places = error.diagnostics.map { ($0.line, $0.column) }
            #expect(places.allSatisfy { $0.0 >= 1 && $0.1 >= 1 }, "seed \(seed)")
            #expect(zip(places, places.dropFirst()).allSatisfy { $0 <= $1 }, "seed \(seed): out of order")
            #expect(error.description.hasSuffix("nothing was started.\n"), "seed \(seed)")
        }
    }

    private static func damage(_ bytes: inout [UInt8], _ random: inout SeededRandom) {
        let at = Int.random(in: 0..<max(bytes.count, 1), using: &random)
        let upTo = min(bytes.count, at + Int.random(in: 1...30, using: &random))
        switch Int.random(in: 0..<6, using: &random) {
        case 0: bytes[at..<upTo] = []
        case 1: bytes.insert(contentsOf: bytes[at..<upTo], at: at)
        case 2: bytes.insert(contentsOf: "{}[]&*!|>'\"%@`#:-?,\n\t $<~".utf8.shuffled(using: &random).prefix(3), at: at)
        case 3: bytes.insert(UInt8.random(in: 0...255, using: &random), at: at)
        case 4: bytes = Array(bytes[..<max(at, 1)])
        default:
            let other = Int.random(in: 0..<max(bytes.count, 1), using: &random)
            bytes.insert(contentsOf: bytes[min(at, other)..<max(at, other)].suffix(200), at: other)
        }
        if bytes.isEmpty { bytes = [0x20] }
    }
}

/// The same numbers for the same seed (SplitMix64).
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        self.state = seed
    }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var value = self.state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
