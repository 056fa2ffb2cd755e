using System.Text;
using System.Text.RegularExpressions;

namespace Ardir.Tests;

/// <summary>GPU by construction, held by a walk through the source: no tensor without a device of its own, no read on the host outside one place.</summary>
public sealed partial class DeviceRulesTests
{
    /// <summary>Files that may touch a tensor's memory directly, each with its reason. All of them hold tensors on the CPU.</summary>
    private static readonly Dictionary<string, string> _memory = new(StringComparer.Ordinal)
    {
        ["CifarFile.cs"] = "reads a file straight into a tensor it has just made",
        ["SvhnFile.cs"] = "reads a file straight into a tensor it has just made",
        ["ImageDataset.ImageFolder.cs"] = "decodes pictures straight into a tensor it has just made",
        ["RawTensor.cs"] = "moves bytes between files and tensors that HostRead or itself put on the CPU",
        ["WeightExtensions.cs"] = "compares addresses of tensors on the CPU, not values",
        ["Fingerprint.cs"] = "hashes what HostRead put on the CPU",
        ["L1RowProjection.cs"] = "is called for tensors on the CPU only, where it saves a sort",
        ["LargestValues.cs"] = "does so for tensors on the CPU only, where it saves a sort",
        ["FloatMemory.cs"] = "gives the address of tensors on the CPU, where alone Winograd's algorithm computes",
        ["TensorMemory.cs"] = "tells MPI the address of tensors on the CPU",
        ["GlobalRandomScope.cs"] = "looks at the state of the generator of the CPU",
        ["EnsembleRecord.cs"] = "moves bytes between files or messages and tensors that HostRead or itself put on the CPU",
    };

    [Fact]
    public void Values_AreReadOnTheHostInOnePlaceOnly()
    {
        var found = Files().Where(file => Path.GetFileName(file.Path) != "HostRead.cs").SelectMany(file => HostRead().Matches(file.Code).Select(match => $"{Path.GetFileName(file.Path)}: {match.Value}"));
        found.Should().BeEmpty("HostRead counts what makes a GPU wait; call it instead");
    }

    [Fact]
    public void Memory_IsTouchedByReadersAndWritersOfFilesOnly()
    {
        var found = Files().Where(file => Memory().IsMatch(file.Code)).Select(file => Path.GetFileName(file.Path)).ToList();
        found.Except(_memory.Keys).Should().BeEmpty("a tensor's bytes can be had on the CPU only");
        _memory.Keys.Except(found).Should().BeEmpty("an exception that nothing needs must go");
    }

    [Fact]
    public void Factories_NameTheDevice()
    {
        var found = Files().SelectMany(file => Factory().Matches(file.Code)
            .Select(match => (Call: match.Groups[1].Value + Arguments(file.Code, match.Index + match.Length - 1), file.Path))
            .Where(entry => !Device().IsMatch(entry.Call)).Select(entry => $"{Path.GetFileName(entry.Path)}: {entry.Call}"));
        found.Should().BeEmpty("a tensor is made on the device of what it will meet, or on CPU by name");
    }

    [Theory]
    [InlineData("var x = zeros(3);", "zeros(3)")]
    [InlineData("return torch.tensor(Values(1, 2), ScalarType.Float32);", "tensor(Values(1, 2), ScalarType.Float32)")]
    [InlineData("var x = arange(f(2), device: y.device);", null)]
    [InlineData("var x = full([2], 1, y.dtype, y.device);", null)]
    [InlineData("var x = empty(4, CPU);", null)]
    [InlineData("// zeros(3) in a comment", null)]
    [InlineData("throw new E($\"tensor(3) is {no} tensor(4)\");", null)]
    [InlineData("var x = zeros_like(y);", null)]
    [InlineData("Fill(myzeros(3)); a.ones(3);", null)]
    public void Walk_FindsFactoriesWithoutADevice(string line, string? call)
    {
        var code = Strip(line);
        var match = Factory().Match(code);
        var found = match.Success ? match.Groups[1].Value + Arguments(code, match.Index + match.Length - 1) : null;
        (found is not null && Device().IsMatch(found) ? null : found).Should().Be(call);
    }

    [Theory]
    [InlineData("if (x.any().ToBoolean()) return;", true)]
    [InlineData("var n = x.item<long>();", true)]
    [InlineData("var n = BitConverter.ToDouble(bytes);", false)]
    [InlineData("/// never ToInt64() here", false)]
    [InlineData("var rows = mask.nonzero();", true)]
    [InlineData("var a = x.cpu();", true)]
    [InlineData("var n = x.count_nonzero(dims);", false)]
    public void Walk_FindsReads(string line, bool read) => HostRead().IsMatch(Strip(line)).Should().Be(read);

    private static IEnumerable<(string Path, string Code)> Files() => RepositoryRulesTests.Sources("src").Select(path => (path, Strip(File.ReadAllText(path))));

    private static string Arguments(string code, int open)
    {
        var depth = 0;
        for (var i = open; i < code.Length; i++)
        {
            if (code[i] == '(') depth++;
            if (code[i] == ')' && --depth == 0) return code[open..(i + 1)];
        }
        return code[open..];
    }

    /// <summary>Without comments and texts (what stands inside the braces of an interpolated text goes with it).</summary>
    private static string Strip(string source)
    {
        var code = new StringBuilder(source.Length);
        for (var at = 0; at < source.Length;)
        {
            var match = Quiet().Match(source, at);
            code.Append(source, at, (match.Success ? match.Index : source.Length) - at);
            if (!match.Success) break;
            at = match.Index + match.Length;
        }
        return code.ToString();
    }

    [GeneratedRegex(@"\.(?:item<|data<|cpu\(|nonzero\(|nonzero_|masked_select\(|unique\(|tolist|ReadCpu|ToScalar\(|To(?:Boolean|Byte|SByte|Int16|Int32|Int64|Half|Single|Double|BFloat16)\(\))")]
    private static partial Regex HostRead();

    [GeneratedRegex(@"\.bytes\b")]
    private static partial Regex Memory();

    [GeneratedRegex(@"(?<![\w.]|\bnew )(?:torch\.)?(zeros|ones|full|arange|tensor|rand|randn|randint|randperm|empty|eye|linspace|logspace|scalar_tensor|from_array|as_tensor|frombuffer)\(")]
    private static partial Regex Factory();

    [GeneratedRegex(@"[dD]evice|\bCPU\b")]
    private static partial Regex Device();

    // Raw texts first, then texts with their escapes, characters, comments.
    [GeneratedRegex("\\$*\"\"\"[\\s\\S]*?\"\"\"|[$]?@[$]?\"(?:[^\"]|\"\")*\"|[$]?\"(?:\\\\.|[^\"\\\\\\n])*\"|'(?:\\\\.|[^'\\\\\\n])+'|//[^\\n]*|/\\*[\\s\\S]*?\\*/")]
    private static partial Regex Quiet();
}
