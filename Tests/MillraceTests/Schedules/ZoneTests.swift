import Millrace
import Testing

@Suite struct ZoneTests {
    private static let folder = ZoneFolder(path: GoldenScheduleTests.folder + "/zoneinfo")

    @Test func `days have their numbers`() {
        #expect(CivilDay(number: 0) == CivilDay(year: 1970, month: 1, day: 1))
        #expect(CivilDay(number: 11_016) == CivilDay(year: 2000, month: 2, day: 29))
        #expect(CivilDay.weekday(ofDay: 0) == 4)
        #expect(CivilDay.weekday(ofDay: -1) == 3)
        for number in stride(from: -800_000, through: 3_000_000, by: 61) {
            #expect(CivilDay(number: number).number == number)
        }
        #expect(CivilDay.split(-1).day == -1)
        #expect(CivilDay.split(-1).second == 86_399)
    }

    @Test func `a name leads nowhere but to a zone`() {
        for name in ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "America/Port-au-Prince"] {
            #expect(ZoneName.isValid(name))
        }
        for name in [
            "", "/", "/etc/passwd", "..", "../passwd", "Europe/../../passwd", "Europe//Berlin", "Europe/", ".hidden",
            "Europe/Berlin\0", "Europe/Berlin ", "localtime", "posix/Europe/Berlin", "right/Europe/Berlin", "a/b/c/d",
            "zone.tab", "Europe/Berlín", String(repeating: "a", count: 65), "-x", "5",
        ] { #expect(!ZoneName.isValid(name), "\(name)") }
    }

    private static let wrong: [(String, String?)] = [
        ("Europe/Berln", "did you mean 'Europe/Berlin'?"), ("europe/berlin", "did you mean 'Europe/Berlin'?"),
        ("Berlin", "did you mean 'Europe/Berlin'?"), ("new york", "did you mean 'America/New_York'?"),
        ("Lord_Howe", "did you mean 'Australia/Lord_Howe'?"),
        ("Europe/../Europe/Berlin", "did you mean 'Europe/Berlin'?"),
        ("Mars", "write an area and a city, as in Europe/Berlin"),
        ("Europe", "write an area and a city, as in Europe/Berlin"),
    ]

    @Test(arguments: wrong)
    func `a zone that is none has its nearest word`(name: String, help: String?) {
        #expect {
            _ = try Self.folder.zone(name)
        } throws: { error in
            (error as? ZoneFolder.Failure)?.message == "there is no time zone '\(name)'"
                && (error as? ZoneFolder.Failure)?.help == help
        }
    }

    @Test func `without the system's zones there is UTC alone`() throws {
        let folder = ZoneFolder(path: GoldenScheduleTests.folder + "/nothing")
        #expect(try folder.zone("UTC") == .utc)
        #expect(throws: ZoneFolder.Failure.self) { try folder.zone("Europe/Berlin") }
    }

    @Test func `a file cut anywhere, or with any octet changed, is refused or is a zone, and ends nothing`() throws {
        let whole = try #require(JobFileFixture.bytes(Self.folder.path + "/Africa/Cairo"))
        let zone = try #require(ZoneFile.read(whole))
        #expect(zone.segment(at: 1_714_082_399).offset == 7200)
        #expect(zone.segment(at: 1_714_082_400).offset == 10_800)
        for length in 0..<whole.count { #expect(ZoneFile.read(Array(whole[..<length])) == nil) }
        for index in whole.indices {
            for octet: UInt8 in [0, 1, 0x7F, 0x80, 0xFF] {
                var bytes = whole
                bytes[index] = octet
                guard let zone = ZoneFile.read(bytes) else { continue }
                _ = zone.segment(at: 1_714_082_399)
                _ = zone.moment(ofWall: 4_000_000_000)
            }
        }
    }

    private static let rules: [(String, Int64, Int)] = [
        ("UTC0", 0, 0), ("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", 1_735_689_600, 39_600),
        ("CET-1CEST,M3.5.0,M10.5.0/3", 1_735_689_600, 3600), ("CET-1CEST,M3.5.0,M10.5.0/3", 1_751_328_000, 7200),
        ("IST-1GMT0,M10.5.0,M3.5.0/1", 1_735_689_600, 0), ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 1_751_328_000, -3600),
        ("EST5EDT,0/0,J365/25", 1_735_689_600, -14_400), ("EST5EDT,J60/0,J300/0", 1_740_805_200, -14_400),
        ("EST5EDT,J60/0,J300/0", 1_740_805_199, -18_000),
    ]

    @Test(arguments: rules)
    func `a rule for ever is followed`(text: String, time: Int64, offset: Int) throws {
        let rule = try #require(ZoneRule(text.utf8))
        let zone = ZoneTable(first: 0, changes: [], rule: rule)
        #expect(zone.segment(at: time).offset == offset)
    }

    @Test(arguments: [
        "", "C", "CET", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0", "CET-99", "<+1", "CET-1x",
    ])
    func `a rule that is none is refused`(text: String) { #expect(ZoneRule(text.utf8) == nil) }

    @Test func `a day that a zone leaves out is over at its end`() {
        // Apia went from the eastern to the western side of the date line: there was no 30 December 2011.
        let table = ZoneTable(first: -36_000, changes: [ZoneTable.Change(at: 1_325_239_200, offset: 50_400)], rule: nil)
        let noon = Int64(CivilDay(year: 2011, month: 12, day: 30).number) * 86_400 + 43_200
        #expect(table.moment(ofWall: noon) == 1_325_239_200)
    }
}
