using System.Globalization;
using System.Security.Cryptography;
using Ardir.Attacks;

namespace Ardir.Tests;

/// <summary>The samples at work, on little data.</summary>
[Collection(TestSetup.OtherProcesses)]
public sealed class SamplesRunTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void Import_OfACheckpoint_WarnsOfWhatItLeftOut()
    {
        var run = SampleProcess.Run(_folder.Path, "import", Golden("checkpoint.pt"));
        run.ExitCode.Should().Be(1);
        run.Errors.Should().HaveCount(2);
        run.Errors[0].Should().StartWith("Warning: ").And.Contain("args (an object: argparse.Namespace)").And.Contain("optimizer (a dictionary of 2)");
        run.Errors[1].Should().StartWith("Error: No known network has these entries.");
    }

    [PosixFact]
    public void Import_WithoutTheNativeDecoder_FailsBeforeItReadsAPicture()
    {
        // Were it read, the answer would be that it is no picture.
        Directory.CreateDirectory(_folder.File("pictures/a"));
        File.WriteAllText(_folder.File("pictures/a/1.png"), "no picture");
        var program = _folder.File("program");
        CopyWithout(SampleProcess.Folder, program, "libSkiaSharp");
        var run = SampleProcess.RunFrom(program, _folder.Path, "import", Golden("fm_robust.pt"), "--data", "pictures");
        run.ShouldFail(1, "Error: *SkiaSharp.NativeAssets.Linux.NoDependencies\" Version=\"2.*");
        run.Errors[0].Should().NotContain("2.88.0.0");
    }

    [Fact]
    public void Evaluate_OfTorchScript_PrintsChecksumAndShapes_AndGivesTheAccuracyOfTheModel()
    {
        using var model = Linear(784);
        TorchScriptFile.Write(_folder.File("linear.pt"), model);
        var run = SampleProcess.Run(_folder.Path, "evaluate", "--torchscript", "linear.pt", "--eps", "0.001", "--images", "3", "--output", "out").ShouldSucceed();
        var checksum = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(_folder.File("linear.pt"))));
        run.Output.Should().Contain(line => line.StartsWith("Model: ", StringComparison.Ordinal) && line.EndsWith($"linear.pt, TorchScript, sha256 {checksum}", StringComparison.Ordinal));
        run.Output.Should().Contain("Input: Float32 [N,1,28,28], pixels in [0,1]; output: Float32 [N,10]");
        run.Output.Should().Contain(line => line.StartsWith("Taps: none. ", StringComparison.Ordinal) && line.Contains("TorchScript hides them", StringComparison.Ordinal));
        var (images, labels) = FashionModel.Images(3);
        using var scope = NewDisposeScope();
        var clean = model.call(images).argmax(1).eq(labels).to(ScalarType.Float64).mean().ToDouble();
        var told = string.Create(CultureInfo.InvariantCulture, $"{clean:P2} clean, ");
        run.Output.Should().Contain(line => line.StartsWith(told, StringComparison.Ordinal));
        File.Exists(_folder.File("out/report.json")).Should().BeTrue();
        images.Dispose();
        labels.Dispose();
    }

    [Fact]
    public void Evaluate_CheapPasses_FindsTheSameImages()
    {
        Robust("cheap").Should().Equal(Robust("plain"));

        List<bool> Robust(string passes)
        {
            SampleProcess.Run(
                _folder.Path, "evaluate", "--model", Path.Combine(AppContext.BaseDirectory, "Goldens", "fm_robust.pt"), "--eps", "0.1", "--images", "6", "--passes", passes, "--output", passes).ShouldSucceed();
            return [.. JsonReport.Read(_folder.File($"{passes}/report.json")).Robust];
        }
    }

    [Fact]
    public void Evaluate_WithImagesOfAnotherSize_SaysWhichItGot()
    {
        using var model = Linear(5);
        TorchScriptFile.Write(_folder.File("linear.pt"), model);
        SampleProcess.Run(_folder.Path, "evaluate", "--torchscript", "linear.pt", "--eps", "0.1", "--images", "2")
            .ShouldFail(1, "Error: The model does not take these images, Float32 [N,1,28,28]*");
    }

    public void Dispose() => _folder.Dispose();

    private static LinearModel Linear(int features) => new((arange(10 * features, ScalarType.Float32) * 0.37).sin().reshape(10, features) / 28, zeros(10));

    // Managed files are copied, for their folder is where the program looks for the others; half a gigabyte of native ones is linked.
    private static void CopyWithout(string from, string to, string leftOut)
    {
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            if (Path.GetFileName(file).StartsWith(leftOut, StringComparison.Ordinal)) continue;
            if (Path.GetRelativePath(from, file).Contains(Path.DirectorySeparatorChar)) File.CreateSymbolicLink(target, file);
            else File.Copy(file, target);
        }
    }

    private static string Golden(string name) => Path.Combine(AppContext.BaseDirectory, "Goldens", name);
}
