import AMQPClient
import Testing

@Suite struct HostNamesTests {
    static let cases: [(host: String, names: [String], fits: Bool)] = [
        ("mq.example", ["mq.example"], true),
        ("MQ.Example.", ["other.example", "mq.example"], true),
        ("mq.example", ["*.example"], false),  // a whole top-level domain
        ("mq.corp.example", ["*.corp.example"], true),
        ("a.mq.corp.example", ["*.corp.example"], false),
        ("corp.example", ["*.corp.example"], false),
        ("mq.corp.example", ["m*.corp.example"], false),
        ("mq.example", [], false),
        ("mq.example", ["mq.example.evil"], false),
        ("localhost", ["localhost"], true),
    ]

    @Test(arguments: cases.indices) func `a certificate is for a host by its names, with * as one whole label`(
        index: Int
    ) {
        let (host, names, fits) = Self.cases[index]
        #expect(HostNames.match(host, names) == fits, "\(host) against \(names)")
    }
}
