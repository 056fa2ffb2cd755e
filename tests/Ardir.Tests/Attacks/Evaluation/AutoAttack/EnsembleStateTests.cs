using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>The state file: what it refuses, what it cuts off, and what it never destroys.</summary>
public sealed class EnsembleStateTests : IDisposable
{
    private static readonly ThreatModel _threat = ThreatModel.Linf(0.05);
    private static readonly Dictionary<string, string> _identity = new() { ["model"] = "a", ["seed"] = "3" };

    private static readonly Dictionary<string, (Func<World, World> Change, string Says)> _strangers = new()
    {
        ["another model"] = (world => world with { Model = TinyModels.Linear(seed: 6) }, "model"),
        ["a weight that differs in its last bit"] = (world => world with { Model = NextBit() }, "model"),
        ["other images"] = (world => world with { Images = TinyModels.Images(9, ScalarType.Float64, seed: 2) }, "images"),
        ["other labels"] = (world => world with { Labels = (world.Labels + 1).remainder(4) }, "labels"),
        ["another budget"] = (world => Attacking(world, ThreatModel.Linf(0.05000001)), "threat model,attacks"),
        ["another norm"] = (world => Attacking(world, ThreatModel.L2(0.05)), "threat model,attacks"),
        ["another seed"] = (world => world with { Options = world.Options with { Seed = 1 } }, "seed"),
        ["another seed of the context"] = (world => world with { Context = new AttackContext { Seed = 1 } }, "seed"),
        ["other sample numbers"] = (world => world with { Context = new AttackContext { SampleIndices = [.. Enumerable.Range(1, 9).Select(i => (long)i)] } }, "sample numbers"),
        ["another batch size"] = (world => world with { Options = world.Options with { BatchSize = 3 } }, "batch size"),
        ["another version"] = (world => world with { Options = world.Options with { Version = AutoAttackVersion.Rand, Attacks = null } }, "version,attacks"),
        ["another order"] = (world => world with { Options = world.Options with { Attacks = [.. world.Options.Attacks!.Reverse()] } }, "attacks"),
        ["another option of APGD"] = (world => WithFirst(world, new ApgdAttack(_threat, new ApgdOptions { Search = new() { Iterations = 6 } })), "attacks"),
        ["another loss"] = (world => WithFirst(world, new ApgdAttack(_threat, new ApgdOptions { Search = new() { Iterations = 5 }, Loss = AttackLoss.Dlr })), "attacks"),
        ["another attack"] = (world => WithFirst(world, new SquareAttack(_threat, new SquareOptions { Queries = 5 })), "attacks"),
        ["fewer attacks"] = (world => world with { Options = world.Options with { Attacks = [world.Options.Attacks![0]] } }, "attacks"),
    };

    private const int MagicBytes = 8;

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Strangers => [.. _strangers.Keys];

    [Theory]
    [MemberData(nameof(Strangers))]
    public void Evaluate_StateOfAnotherRun_IsRefusedNamingExactlyTheDifference(string row)
    {
        using var scope = NewDisposeScope();
        var world = NewWorld();
        world.Evaluate().Dispose();
        var before = File.ReadAllBytes(_folder.File("run.state"));
        var act = () => _strangers[row].Change(world).Evaluate();
        var message = act.Should().Throw<InvalidOperationException>().Which.Message;
        message.Split('\n').Skip(1).Select(line => line.Split(':')[0].Trim()).Should().BeEquivalentTo(_strangers[row].Says.Split(','));
        message.Should().Contain("run.state").And.Contain("Choose another StatePath or delete the file");
        File.ReadAllBytes(_folder.File("run.state")).Should().Equal(before);
    }

    [Fact]
    public void Evaluate_StateOfAnotherLibraryVersion_IsRefused()
    {
        using var scope = NewDisposeScope();
        var world = NewWorld();
        world.Evaluate().Dispose();
        var version = typeof(AutoAttack).Assembly.GetName().Version!.ToString();
        var act = () => EnsembleState.Open(_folder.File("run.state"), new Dictionary<string, string> { ["library"] = "9.9.9.9" }, world.Images, out _);
        act.Should().Throw<InvalidOperationException>().WithMessage($"*library: was '{version}', is '9.9.9.9'*format: was '5'*");
    }

    [Fact]
    public void Evaluate_ModelsThatShowNoWeights_AreToldApartByWhatTheySay()
    {
        using var scope = NewDisposeScope();
        var world = NewWorld();
        var (one, other) = (TinyModels.Linear(), TinyModels.Linear(seed: 6));
        (world with { Model = new OpaqueModel(one.call) }).Evaluate().Dispose();
        (world with { Model = new OpaqueModel(one.call) }).Evaluate().Dispose();
        var act = () => (world with { Model = new OpaqueModel(other.call) }).Evaluate();
        act.Should().Throw<InvalidOperationException>().WithMessage("*model: was*");
        var empty = world with { Model = new FuncModel(one.call), Options = world.Options with { StatePath = _folder.File("other.state") } };
        empty.Evaluate().Dispose();
        var changed = () => (empty with { Model = new FuncModel(other.call) }).Evaluate();
        changed.Should().Throw<InvalidOperationException>().WithMessage("*model: was*");
    }

    [Fact]
    public void Evaluate_SameWeightsInAnotherKindOfModel_IsAnotherModel()
    {
        using var scope = NewDisposeScope();
        var world = NewWorld();
        world.Evaluate().Dispose();
        using var twin = new Twin((LinearModel)world.Model);
        Fingerprint.Of(twin).Should().Be(Fingerprint.Of(world.Model));
        var act = () => (world with { Model = twin }).Evaluate();
        act.Should().Throw<InvalidOperationException>().WithMessage("*model: was 'LinearModel *', is 'Twin *'*");
    }

    [Fact]
    public void Evaluate_LastRecordTornAtEveryByte_EndsAsUninterrupted()
    {
        using var scope = NewDisposeScope();
        var world = NewWorld();
        using var whole = world.Evaluate();
        var path = _folder.File("run.state");
        var bytes = File.ReadAllBytes(path);
        var last = Boundaries(bytes)[^2];
        for (var length = last; length < bytes.Length; length += length < last + 12 || length > bytes.Length - 12 ? 1 : 7)
        {
            File.WriteAllBytes(path, bytes[..length]);
            using var resumed = world.Evaluate();
            resumed.Robust.Should().Equal(whole.Robust, "{0} of {1} bytes are left", length, bytes.Length);
            resumed.Predictions.Should().Equal(whole.Predictions);
            Costs(resumed).Should().Equal(Costs(whole));
            TensorAssert.Same(resumed.Adversarial, whole.Adversarial);
            Boundaries(File.ReadAllBytes(path))[^1].Should().Be((int)new FileInfo(path).Length, "the torn part must be gone");
        }
    }

    [Fact]
    public void Open_CutAtEveryByte_KeepsExactlyTheWholeRecords()
    {
        using var scope = NewDisposeScope();
        var images = TinyModels.Images(9);
        var path = _folder.File("cut.state");
        using (var state = EnsembleState.Open(path, _identity, images, out _))
            for (var batch = 0; batch < 3; batch++) state.Append(Batch(batch, batch), batch == 0 ? null : images.narrow(0, 0, batch) * 0.5);
        var bytes = File.ReadAllBytes(path);
        var ends = Boundaries(bytes);
        ends.Should().HaveCount(4, "a header and three records").And.EndWith(bytes.Length);
        for (var length = 0; length <= bytes.Length; length++)
        {
            File.WriteAllBytes(path, bytes[..length]);
            using (EnsembleState.Open(path, _identity, images, out var done))
            {
                done.Should().HaveCount(Math.Max(0, ends.Count(end => end <= length) - 1));
                for (var batch = 0; batch < done.Count; batch++)
                {
                    done[batch].Batch.Should().BeEquivalentTo(Batch(batch, batch));
                    if (batch == 0) done[batch].Points.Should().BeNull();
                    else TensorAssert.Same(done[batch].Points!, images.narrow(0, 0, batch) * 0.5);
                }
            }
            File.ReadAllBytes(path).Should().Equal(bytes[..Math.Max(ends[0], ends.LastOrDefault(end => end <= length))]);
        }
    }

    [Fact]
    public void Open_ZerosAtTheEnd_AreCutOff()
    {
        using var scope = NewDisposeScope();
        var images = TinyModels.Images(2);
        var path = _folder.File("zeros.state");
        using (var state = EnsembleState.Open(path, _identity, images, out _)) state.Append(Batch(0, 0), null);
        var bytes = File.ReadAllBytes(path);
        // As a file system leaves it that lost power after it had made room.
        File.WriteAllBytes(path, [.. bytes, .. new byte[100]]);
        using (EnsembleState.Open(path, _identity, images, out var done)) done.Should().ContainSingle();
        File.ReadAllBytes(path).Should().Equal(bytes);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a")]
    [InlineData("ARDR")]
    public void Open_FileThatNobodyCouldMiss_IsReplacedOnlyIfItIsOurs(string content)
    {
        using var scope = NewDisposeScope();
        var path = _folder.File("note.txt");
        File.WriteAllText(path, content);
        var open = () => EnsembleState.Open(path, _identity, TinyModels.Images(1), out _).Dispose();
        if (content == "a") open.Should().Throw<InvalidOperationException>().WithMessage("*note.txt is not the state of an evaluation*");
        else open.Should().NotThrow();
        if (content == "a") File.ReadAllText(path).Should().Be("a");
    }

    [Fact]
    public void Open_DamagedHeaderBeforeRecords_IsRefusedAndLeftAlone()
    {
        using var scope = NewDisposeScope();
        var path = _folder.File("damaged.state");
        using (var state = EnsembleState.Open(path, _identity, TinyModels.Images(1), out _)) state.Append(Batch(0, 0), null);
        var bytes = File.ReadAllBytes(path);
        bytes[20] ^= 1;
        File.WriteAllBytes(path, bytes);
        var open = () => EnsembleState.Open(path, _identity, TinyModels.Images(1), out _);
        open.Should().Throw<InvalidOperationException>().WithMessage("*header*damaged*left as it is*");
        File.ReadAllBytes(path).Should().Equal(bytes);
    }

    [Fact]
    public void Open_DamagedAtAnyByteBeforeTheLastRecord_IsRefusedAndLeftAlone()
    {
        using var scope = NewDisposeScope();
        var images = TinyModels.Images(2);
        var path = _folder.File("damaged.state");
        using (var state = EnsembleState.Open(path, _identity, images, out _))
            for (var batch = 0; batch < 3; batch++) state.Append(Batch(batch, 1), images.narrow(0, 0, 1));
        var bytes = File.ReadAllBytes(path);
        var ends = Boundaries(bytes);
        // Also in the lengths and the checksum of a record, after which it is not known where the next one begins.
        for (var at = MagicBytes; at < ends[^2]; at++)
        {
            var damaged = bytes.ToArray();
            damaged[at] ^= 0x40;
            File.WriteAllBytes(path, damaged);
            var open = () => EnsembleState.Open(path, _identity, images, out _);
            open.Should().Throw<InvalidOperationException>("byte {0} is another", at).WithMessage(at < ends[0] ? "*header*damaged*left as it is*" : $"*damaged at byte {ends.Last(end => end <= at)}:*left as it is*");
            File.ReadAllBytes(path).Should().Equal(damaged);
        }
        // As the message says: what comes before the damage can be kept.
        File.WriteAllBytes(path, bytes[..ends[1]]);
        using (EnsembleState.Open(path, _identity, images, out var done)) done.Should().ContainSingle();
    }

    [Fact]
    public void Open_DamageInALargeFile_IsFoundBeyondTheFirstWindow()
    {
        using var scope = NewDisposeScope();
        var images = rand(40, 1, 100, 100);
        var path = _folder.File("large.state");
        using (var state = EnsembleState.Open(path, _identity, images, out _))
        {
            state.Append(Batch(0, 40), images);
            state.Append(Batch(1, 0), null);
        }
        var bytes = File.ReadAllBytes(path);
        bytes[2000] ^= 1;
        File.WriteAllBytes(path, bytes);
        var open = () => EnsembleState.Open(path, _identity, images, out _);
        open.Should().Throw<InvalidOperationException>().WithMessage("*damaged at byte*");
        File.WriteAllBytes(path, bytes[..1_500_000]);
        using (EnsembleState.Open(path, _identity, images, out var done)) done.Should().BeEmpty("nothing whole follows: that is a torn record");
    }

    [Fact]
    public void Evaluate_KilledWithinTheSecurityCurve_MeasuresOnlyWhatIsMissing()
    {
        using var scope = NewDisposeScope();
        var world = NewWorld();
        world = world with { Options = world.Options with { SecurityCurve = [0.02, 0.05, 0.1], BatchSize = 2 } };
        var model = new CountingModel((nn.Module<Tensor, Tensor>)world.Model);
        using var whole = (world with { Model = model }).Evaluate();
        var all = model.Forwards.Count;
        var bytes = File.ReadAllBytes(_folder.File("run.state"));
        var ends = Boundaries(bytes);
        var first = ends.FindIndex(end => end < bytes.Length && System.Text.Encoding.ASCII.GetString(bytes, end, Math.Min(400, bytes.Length - end)).Contains("\"Epsilon\":0.02", StringComparison.Ordinal));
        first.Should().BePositive();
        var costs = new List<int>();
        foreach (var end in ends.Skip(first))
        {
            File.WriteAllBytes(_folder.File("run.state"), bytes[..end]);
            model.Forwards.Clear();
            using var resumed = (world with { Model = model }).Evaluate();
            resumed.Data.SecurityCurve.Should().Equal(whole.Data.SecurityCurve);
            resumed.Robust.Should().Equal(whole.Robust);
            costs.Add(model.Forwards.Count);
            Boundaries(File.ReadAllBytes(_folder.File("run.state"))).Should().HaveCount(ends.Count);
        }
        costs.Should().BeInDescendingOrder().And.OnlyHaveUniqueItems();
        costs[0].Should().BeLessThan(all);
        // Another budget is measured without touching the others.
        using var more = (world with { Model = model, Options = world.Options with { SecurityCurve = [0.2, 0.05, 0.02, 0.2] } }).Evaluate();
        more.Data.SecurityCurve.Select(point => point.Epsilon).Should().Equal(0.02, 0.05, 0.2);
        more.Data.SecurityCurve.Take(2).Should().Equal(whole.Data.SecurityCurve.Take(2));
    }

    [Fact]
    public void Open_FileInUse_IsRefusedUntilItIsFree()
    {
        using var scope = NewDisposeScope();
        var images = TinyModels.Images(1);
        var path = _folder.File("shared.state");
        var open = () => EnsembleState.Open(path, _identity, images, out _);
        // A line that a killed process left names nobody.
        File.WriteAllText(path + ".owner", "process 1 on a machine that is gone");
        using (open())
            open.Should().Throw<IOException>().WithMessage(
                $"*shared.state*It is held by process {Environment.ProcessId} on {Environment.MachineName}, started at ????-??-?? *Z. *a file of its own*");
        open.Should().NotThrow().Which.Dispose();
        _folder.Names.Should().Equal("shared.state");
    }

    [Fact]
    public void Open_RefusedState_LeavesNoOwner_AndTheLineOfAnotherStays()
    {
        using var scope = NewDisposeScope();
        var images = TinyModels.Images(1);
        var path = _folder.File("shared.state");
        EnsembleState.Open(path, _identity, images, out _).Dispose();
        var other = () => EnsembleState.Open(path, new Dictionary<string, string> { ["of"] = "another" }, images, out _);
        other.Should().Throw<InvalidOperationException>();
        _folder.Names.Should().Equal("shared.state");
        using (EnsembleState.Open(path, _identity, images, out _)) File.WriteAllText(path + ".owner", "process 2");
        File.ReadAllText(path + ".owner").Should().Be("process 2");
    }

    [Fact]
    public void Evaluate_StatePathThatCannotBeAFile_SaysSo()
    {
        using var scope = NewDisposeScope();
        var world = NewWorld();
        var folder = () => (world with { Options = world.Options with { StatePath = _folder.Path } }).Evaluate();
        folder.Should().Throw<IOException>().WithMessage("*is a folder; expected the path of a file*");
        File.WriteAllText(_folder.File("file"), "x");
        var below = () => (world with { Options = world.Options with { StatePath = Path.Combine(_folder.File("file"), "run.state") } }).Evaluate();
        below.Should().Throw<IOException>().WithMessage("*run.state*cannot be opened*");
    }

    public void Dispose() => _folder.Dispose();

    private World NewWorld()
    {
        var model = TinyModels.Linear();
        var images = TinyModels.Images(9, ScalarType.Float64);
        return new World(model, images, TinyModels.Predicted(model, images), _threat, new AttackContext(), new AutoAttackOptions
        {
            Version = AutoAttackVersion.Custom,
            Attacks = [new ApgdAttack(_threat, new ApgdOptions { Search = new() { Iterations = 5 } }), new SquareAttack(_threat, new SquareOptions { Queries = 10 })],
            BatchSize = 4,
            Diagnose = false,
            StatePath = _folder.File("run.state"),
        });
    }

    private static World Attacking(World world, ThreatModel threat) => world with
    {
        Threat = threat,
        Options = world.Options with { Attacks = [new ApgdAttack(threat, new ApgdOptions { Search = new() { Iterations = 5 } }), new SquareAttack(threat, new SquareOptions { Queries = 10 })] },
    };

    private static World WithFirst(World world, IAttack attack) => world with { Options = world.Options with { Attacks = [attack, world.Options.Attacks![1]] } };

    private static LinearModel NextBit()
    {
        var model = TinyModels.Linear();
        using (no_grad()) model.Weight[0, 0] = Math.BitIncrement(model.Weight[0, 0].ToDouble());
        return model;
    }

    private static IEnumerable<(int, int, long, long)> Costs(RobustnessReport report) =>
        report.Attacks.Select(attack => (attack.Attacked, attack.Broken, attack.SampleForwards, attack.SampleBackwards));

    /// <summary>Where the header and each whole record end, read independently of the library.</summary>
    private static List<int> Boundaries(byte[] bytes)
    {
        var ends = new List<int>();
        for (var at = 8; at + 8 <= bytes.Length;)
        {
            at += 8 + BitConverter.ToInt32(bytes, at) + BitConverter.ToInt32(bytes, at + 4) + 8;
            if (at <= bytes.Length) ends.Add(at);
        }
        return ends;
    }

    private static EnsembleBatch Batch(int unit, int broken) => new()
    {
        Attack = 1,
        Unit = unit,
        Cursor = 7,
        Broken = [.. Enumerable.Range(0, broken).Select(i => (long)i)],
        Predictions = [.. Enumerable.Repeat(2L, broken)],
        Forwards = 11,
        Backwards = 12,
        Unconfirmed = 13,
        ZeroGradients = [3, 14],
        NonFiniteGradients = [5],
        PartsWithoutGradient = ["FGSM"],
        FollowsGradients = true,
        Seconds = 0.5,
    };

    private sealed record World(IModule Model, Tensor Images, Tensor Labels, ThreatModel Threat, AttackContext Context, AutoAttackOptions Options)
    {
        public RobustnessReport Evaluate() => new AutoAttack(Threat, Options).Evaluate(Model, Images, Labels, Context);
    }

    /// <summary>The same weights under the same names.</summary>
    private sealed class Twin : nn.Module<Tensor, Tensor>
    {
        private readonly LinearModel _inner;

        public Twin(LinearModel inner) : base(nameof(Twin))
        {
            _inner = inner;
            foreach (var (name, parameter) in inner.named_parameters()) register_parameter(name, parameter);
        }

        public override Tensor forward(Tensor input) => _inner.call(input).tanh();
    }
}
