using System.Collections.Concurrent;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Saving to places where a user would not like it to go wrong.</summary>
public sealed class SaveWeightsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly nn.Module _model = nn.Linear(3, 2);

    public static TheoryData<Action<nn.Module, string>> Savers => [(model, path) => model.SaveSafetensors(path), (model, path) => model.SaveTorch(path)];

    public void Dispose()
    {
        _model.Dispose();
        _folder.Dispose();
    }

    [Theory, MemberData(nameof(Savers))]
    public void Save_ToAFolder_IsRefusedAndLeavesNothing(Action<nn.Module, string> save)
    {
        Directory.CreateDirectory(_folder.File("there"));
        foreach (var path in new[] { _folder.File("there"), _folder.File("new/"), Path.GetPathRoot(_folder.Path)! })
            FluentActions.Invoking(() => save(_model, path)).Should().Throw<ArgumentException>().WithParameterName("path").WithMessage("*is a folder*");
        _folder.Names.Should().Equal("there");
    }

    [Theory, MemberData(nameof(Savers))]
    public void Save_OverAReadOnlyFile_IsRefused(Action<nn.Module, string> save)
    {
        var path = _folder.File("keep.pt");
        File.WriteAllText(path, "keep");
        File.SetAttributes(path, FileAttributes.ReadOnly);
        FluentActions.Invoking(() => save(_model, path)).Should().Throw<UnauthorizedAccessException>().WithMessage("*keep.pt*read-only*");
        File.ReadAllText(path).Should().Be("keep");
        File.SetAttributes(path, FileAttributes.Normal);
        save(_model, path);
        _folder.Names.Should().Equal("keep.pt");
    }

    [Theory, MemberData(nameof(Savers))]
    public void Save_ThroughALink_WritesWhereItPoints(Action<nn.Module, string> save)
    {
        if (OperatingSystem.IsWindows()) return;   // links need a privilege there
        Directory.CreateDirectory(_folder.File("disk"));
        File.CreateSymbolicLink(_folder.File("best.pt"), "disk/best.pt");
        for (var i = 0; i < 2; i++)
        {
            save(_model, _folder.File("best.pt"));
            new FileInfo(_folder.File("best.pt")).LinkTarget.Should().Be("disk/best.pt");
            using var state = StateDict.Read(_folder.File("disk/best.pt"));
            state.Count.Should().Be(2);
        }
        File.SetUnixFileMode(_folder.File("disk/best.pt"), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        save(_model, _folder.File("best.pt"));
        File.GetUnixFileMode(_folder.File("disk/best.pt")).Should().Be(UnixFileMode.UserRead | UnixFileMode.UserWrite, "a private file stays private");
    }

    [Theory, MemberData(nameof(Savers))]
    public void Save_ToADevice_LeavesTheDevice(Action<nn.Module, string> save)
    {
        if (!File.Exists("/dev/null")) return;
        save(_model, "/dev/null");
        new FileInfo("/dev/null").Length.Should().Be(0);
        File.ReadAllBytes("/dev/null").Should().BeEmpty();
    }

    [Theory, MemberData(nameof(Savers))]
    public void Save_FromSeveralThreads_LeavesAWholeFileAndDeletesNobodysWork(Action<nn.Module, string> save)
    {
        using var model = nn.Linear(300, 300);
        var problems = new ConcurrentBag<Exception>();
        Parallel.For(0, 24, new ParallelOptions { MaxDegreeOfParallelism = 4 }, _ =>
        {
            try
            {
                save(model, _folder.File("shared"));
            }
            catch (Exception e)
            {
                problems.Add(e);
            }
        });
        problems.Should().AllBeOfType<IOException>("only that the file is being written may be said");
        using var state = StateDict.Read(_folder.File("shared"));
        state["weight"].shape.Should().Equal(300, 300);
        _folder.Names.Should().Equal("shared");
    }

    [Theory, MemberData(nameof(Savers))]
    public void Save_DisposedOrEmptyModule_DoesNotReplaceAGoodFile(Action<nn.Module, string> save)
    {
        var path = _folder.File("good");
        save(_model, path);
        var before = File.ReadAllBytes(path);
        var disposed = nn.Linear(3, 2);
        disposed.Dispose();
        using var empty = nn.ReLU();
        foreach (var module in new nn.Module[] { disposed, empty }) FluentActions.Invoking(() => save(module, path)).Should().Throw<ArgumentException>().WithMessage("*nothing to save*");
        File.ReadAllBytes(path).Should().Equal(before);
    }

    [Theory, MemberData(nameof(Savers))]
    public void Save_ComplexEntry_IsRefusedByName(Action<nn.Module, string> save)
    {
        using var model = new Buffers(("spectrum", ones(2, ScalarType.ComplexFloat32)));
        FluentActions.Invoking(() => save(model, _folder.File("c"))).Should().Throw<ArgumentException>().WithMessage("*'spectrum' has dtype ComplexFloat32*");
        _folder.Names.Should().BeEmpty();
    }

    [Fact]
    public void Load_ValuesThatTheModulesTypeCannotHold_AreRefused()
    {
        foreach (var (inFile, inModule, fits) in new (Tensor, Tensor, bool)[]
        {
            (full(2, 300, ScalarType.Int64), zeros(2, ScalarType.Int8), false), (full(2, -100, ScalarType.Int64), zeros(2, ScalarType.Int8), true), (full(2, 2, ScalarType.Int64), zeros(2, ScalarType.Bool), false),
            (full(2, 1e6, ScalarType.Float64), zeros(2, ScalarType.Float16), false), (tensor(new[] { double.NaN, double.PositiveInfinity }), zeros(2, ScalarType.Float16), true), (full(2, 0.1, ScalarType.Float64), zeros(2), true),
            (ones(5), ones(1).expand(5), false),
        })
        {
            using var source = new Buffers(("b", inFile));
            using var target = new Buffers(("b", inModule));
            source.SaveTorch(_folder.File("w"));
            var load = () => target.LoadWeights(_folder.File("w"));
            if (fits) load.Should().NotThrow().Which.IsComplete.Should().BeTrue();
            else load.Should().Throw<WeightFormatException>().WithMessage("*mismatched (1): b: *");
        }
    }

    [Fact]
    public void StateDict_AfterDispose_SaysSo()
    {
        _model.SaveTorch(_folder.File("w"));
        var state = StateDict.Read(_folder.File("w"));
        state.Dispose();
        state.Dispose();
        foreach (var use in new Action[] { () => _ = state["weight"], () => state.TryGetValue("weight", out _), () => state.ToList(), () => _ = state.Values.Count(), () => _ = state.Count, () => _ = state.Keys, () => state.ContainsKey("weight"), () => _model.LoadWeights(state), () => ModelCatalog.Detect(state) })
            use.Should().Throw<ObjectDisposedException>();
    }

    private sealed class Buffers : nn.Module
    {
        public Buffers(params (string Name, Tensor Value)[] buffers) : base(nameof(Buffers))
        {
            foreach (var (name, value) in buffers) register_buffer(name, value.DetachFromDisposeScope());
        }
    }
}
