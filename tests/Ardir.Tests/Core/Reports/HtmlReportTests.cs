using System.Globalization;
using System.Text.RegularExpressions;
using Ardir.Core;

namespace Ardir.Tests.Core.Reports;

public sealed class HtmlReportTests : IDisposable
{
    private readonly string _folder = Path.Combine(Path.GetTempPath(), $"ardir-report-{Guid.NewGuid():N}");

    public void Dispose()
    {
        if (Directory.Exists(_folder)) Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void ToHtml_HostileText_IsEscapedEverywhere()
    {
        const string Evil = "<script>alert('x')</script> & \"q\"";
        using var picture = zeros(1, 2, 2);
        var html = new HtmlReport(Evil).Heading(Evil).Paragraph(Evil).Table([Evil], [[Evil]])
            .LineChart(new LineChart(Evil) { XLabel = Evil, YLabel = Evil }.Line(Evil, [1, 2]).Mark(Evil, 1, 1))
            .ImageGrid(new ImageGrid(Evil).Row(Evil, (picture, Evil))).ToHtml();
        html.Should().NotContain("<script").And.NotContain("alert('x')");
        Regex.Count(html, "&lt;script&gt;alert").Should().Be(18);
    }

    [Fact]
    public void ToHtml_FullReport_RefersToNothingOutside()
    {
        var html = Sample().ToHtml();
        foreach (var outside in new[] { "http", "<script", "<link", "url(", "@import", "src=\"/", "href" })
            html.Should().NotContainEquivalentOf(outside);
        Regex.Count(html, "src=\"").Should().Be(Regex.Count(html, "src=\"data:image/png;base64,")).And.Be(4);
    }

    [Fact]
    public void ToHtml_CommaCulture_GivesTheSameBytes()
    {
        var invariant = Sample().ToHtml();
        var before = CultureInfo.CurrentCulture;
        var comma = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        (comma.NumberFormat.NumberDecimalSeparator, comma.NumberFormat.NegativeSign) = (",", "~");
        try
        {
            CultureInfo.CurrentCulture = comma;
            0.5.ToString().Should().Be("0,5");
            Sample().ToHtml().Should().Be(invariant);
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public void ImageGrid_Picture_IsStoredAsItsPixels()
    {
        using var picture = (arange(12, ScalarType.Float32) / 255).reshape(3, 2, 2);
        var html = new HtmlReport("t").ImageGrid(new ImageGrid { PixelSize = 3 }.Row("", (picture, "a"))).ToHtml();
        var png = Convert.FromBase64String(Regex.Match(html, "base64,([^\"]+)\"").Groups[1].Value);
        PngEncoderTests.Decode(png).Pixels.Should().Equal(0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11);
        html.Should().Contain("width=\"6\" height=\"6\" alt=\"a\"");
    }

    [Fact]
    public void Row_WrongNumberOfCells_SaysHowMany()
    {
        using var picture = zeros(1, 2, 2);
        var grid = new ImageGrid("a", "b");
        grid.Invoking(g => g.Row("r", (picture, ""))).Should().Throw<ArgumentException>().WithMessage("Row 'r' has 1 cells; expected 2*");
        new ImageGrid().Row("r", (picture, "")).Invoking(g => g.Row("s")).Should().Throw<ArgumentException>().WithMessage("Row 's' has 0 cells; expected 1*");
    }

    [Fact]
    public void PixelSize_Default_BringsSmallPicturesTo96()
    {
        using var picture = zeros(1, 28, 28);
        new HtmlReport("t").ImageGrid(new ImageGrid().Row("", (picture, "a"))).ToHtml().Should().Contain("width=\"112\" height=\"112\"");
        var make = () => new ImageGrid { PixelSize = 0 };
        make.Should().Throw<ArgumentOutOfRangeException>().WithMessage("*PixelSize*");
    }

    [Fact]
    public void Amplify_LinfBallEnds_AreBlackGreyWhite()
    {
        using var perturbation = tensor(new[] { -0.1f, 0, 0.1f, 0.5f });
        using var shown = ImageGrid.Amplify(perturbation, 0.1);
        shown.data<float>().ToArray().Should().Equal(0, 0.5f, 1, 1);
        perturbation.Invoking(p => ImageGrid.Amplify(p, 0)).Should().Throw<ArgumentOutOfRangeException>();
    }

    [Fact]
    public void Table_Columns_AlignNumbersAndCheckRows()
    {
        var html = new HtmlReport("t").Table(["Attack", "Accuracy"], [["none", "89.1 %"], ["PGD-20", "–"]]).ToHtml();
        html.Should().Contain("<th scope=\"col\">Attack").And.Contain("<th class=\"number\" scope=\"col\">Accuracy").And.Contain("<td class=\"number\">89.1 %");
        new HtmlReport("t").Invoking(report => report.Table(["a"], [["1", "2"]])).Should().Throw<ArgumentException>().WithMessage("*2 cells; expected 1*");
    }

    [Fact]
    public void Save_NewFolderAndExistingFile_WritesTheWholePageOnly()
    {
        var path = Path.Combine(_folder, "deep", "report.html");
        new HtmlReport("first").Save(path);
        var report = Sample();
        report.Save(path);
        File.ReadAllText(path).Should().Be(report.ToHtml());
        File.ReadAllBytes(path)[..9].Should().Equal("<!DOCTYPE"u8.ToArray(), "there is no byte order mark");
        Directory.GetFileSystemEntries(Path.GetDirectoryName(path)!).Should().Equal(path);
    }

    [Fact]
    public void AtomicWrite_FailsHalfWay_KeepsTheOldFile()
    {
        var path = Path.Combine(_folder, "file.bin");
        AtomicFile.Write(path, stream => stream.Write([1, 2, 3]));
        var write = () => AtomicFile.Write(path, stream =>
        {
            stream.WriteByte(9);
            throw new InvalidOperationException("stop");
        });
        write.Should().Throw<InvalidOperationException>();
        File.ReadAllBytes(path).Should().Equal(1, 2, 3);
        Directory.GetFileSystemEntries(_folder).Should().Equal(path);
    }

    private static HtmlReport Sample()
    {
        using var scope = NewDisposeScope();
        var wave = ((arange(28 * 28, ScalarType.Float32) * 0.05).sin() * 0.4 + 0.5).reshape(1, 28, 28);
        var noise = ((arange(28 * 28, ScalarType.Float32) * 1.7).sin().sign() * 0.1).reshape(1, 28, 28);
        double[] clean = [0.62, 0.71, 0.755, 0.78, 0.80, 0.815, 0.82, 0.83, 0.834, 0.838];
        var chart = new LineChart("Accuracy on 2,000 test images") { XLabel = "Epoch", YLabel = "Accuracy", Percent = true }
            .Line("clean", clean).Line("PGD-20", clean.Select((value, i) => value - 0.2 + 0.01 * (5 - Math.Abs(i - 6))))
            .Line("teacher", [(1, 0.7), (10, 0.7)]).Mark("kept: epoch 7, 67.0 %", 7, clean[6] - 0.2 + 0.05);
        var loss = new LineChart("Training loss") { XLabel = "Step", YLabel = "Loss" }
            .Line("loss", Enumerable.Range(0, 200).Select(i => (i * 4.0, 2.3 * Math.Exp(-i / 40.0) + 0.1 * Math.Sin(i))));
        var grid = new ImageGrid("Image", "Adversarial", "Difference", "Colour");
        grid.Row("Ankle boot", (wave, "Ankle boot 98.2 %"), ((wave + noise).clamp(0, 1), "Sandal 71.0 %"), (ImageGrid.Amplify(noise, 0.1), "mid-grey: unchanged"), (wave.expand(3, 28, 28), "RGB"));
        return new HtmlReport("Adversarial training on Fashion-MNIST").Paragraph("PreActResNet, Linf 0.1.").Heading("Results")
            .Table(["Attack", "Accuracy", "Forward passes"], [["none", "83.4 %", "1"], ["FGSM", "71.2 %", "2"], ["PGD-20", "67.0 %", "21"]])
            .Heading("Training").LineChart(chart).LineChart(loss).Heading("Examples").ImageGrid(grid);
    }
}
