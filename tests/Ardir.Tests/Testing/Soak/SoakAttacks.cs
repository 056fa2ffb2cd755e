using Ardir.Attacks;
using Ardir.Core;

namespace Ardir.Tests;

/// <summary>Every attack of the library in every norm that it knows, and evaluations with a state file, on a network of a few hundred weights.</summary>
internal static class SoakAttacks
{
    private const int Classes = 5;
    private const int Images = 6;

    /// <param name="folder">For the state files.</param>
    public static List<SoakJob> All(string folder)
    {
        var model = Network();
        var (images, labels) = Data(model, Images);
        var data = new ImageDataset((images * 255).to(ScalarType.Byte), labels);
        var jobs = Attacks().Select(attack => new SoakJob($"{attack.Name} {attack.Threat}", () => Perturb(attack, model, images, labels))).ToList();
        foreach (var threat in Threats())
        {
            jobs.Add(new SoakJob($"AutoAttack with a state file {threat}", () => Evaluate(threat, model, images, labels, Path.Combine(folder, $"{threat.Norm}.state"))));
            jobs.Add(new SoakJob($"RobustnessEvaluator {threat}", () => Measure(new PgdAttack(threat, new PgdOptions { Steps = 3 }), model, data)));
        }
        return jobs;
    }

    /// <summary>A convolution with batch norm and a linear layer: as little as both taps and bfloat16 can do with, because under pressure every call takes its time.</summary>
    public static nn.Module<Tensor, Tensor> Network(ulong seed = 1)
    {
        var model = SeededWeights.Create(seed, () => nn.Sequential(
            ("layer1", nn.Sequential(("conv", nn.Conv2d(1, 3, 3, stride: 2, padding: 1)), ("bn", nn.BatchNorm2d(3)), ("relu", nn.ReLU()))),
            ("flatten", nn.Flatten()),
            ("linear", nn.Linear(3 * 4 * 4, Classes))));
        model.eval();
        return model;
    }

    private static NormThreatModel[] Threats() => [ThreatModel.Linf(0.1), ThreatModel.L2(0.5), ThreatModel.L1(2)];

    private static (Tensor Images, Tensor Labels) Data(nn.Module<Tensor, Tensor> model, int count)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var like = zeros(count, 1, 8, 8);
        var images = SampleStreams.ForSamples(3, null, count).Uniform(like, 0, 1);
        // What the model says, so that there is something to break.
        return (images.MoveToOuterDisposeScope(), model.call(images).argmax(1).MoveToOuterDisposeScope());
    }

    private static IEnumerable<IAttack> Attacks()
    {
        foreach (var threat in Threats())
        {
            yield return new FgsmAttack(threat);
            yield return new MiFgsmAttack(threat, new MiFgsmOptions { Steps = 4 });
            yield return new PgdAttack(threat, new PgdOptions { Steps = 4, Restarts = 2 });
            yield return new ApgdAttack(threat, new ApgdOptions { Search = new() { Iterations = 8 } });
            yield return new ApgdAttack(threat, new ApgdOptions { Search = new() { Iterations = 8 }, Loss = AttackLoss.Dlr });
            yield return new TargetedApgdAttack(threat, new TargetedApgdOptions { Search = new() { Iterations = 6 }, Classes = 2 });
            yield return new FabAttack(threat, new FabOptions { Iterations = 5 });
            yield return new TargetedFabAttack(threat, new TargetedFabOptions { Search = new() { Iterations = 5 }, Classes = 2 });
            yield return new SquareAttack(threat, new SquareOptions { Queries = 40 });
            yield return new WorstCaseAttack("worst case", new FgsmAttack(threat), new PgdAttack(threat, new PgdOptions { Steps = 2, Loss = AttackLoss.Margin }));
            yield return Ensemble(threat, state: null);
        }
        yield return new DeepFoolAttack(ThreatModel.L2(0.5), new DeepFoolOptions { Iterations = 5, Classes = 3 });
        yield return new CarliniWagnerAttack(ThreatModel.L2(0.5), new CarliniWagnerOptions { SearchSteps = 2, Iterations = 8, InitialConstant = 0.5, LearningRate = 0.1 });
    }

    // The standard ensemble in little: its attacks, fewer steps, small batches, all checks.
    private static AutoAttack Ensemble(ThreatModel threat, string? state) => new(threat, new AutoAttackOptions
    {
        Version = AutoAttackVersion.Custom,
        Attacks =
        [
            new ApgdAttack(threat, new ApgdOptions { Search = new() { Iterations = 5 } }), new TargetedApgdAttack(threat, new TargetedApgdOptions { Search = new() { Iterations = 5 }, Classes = 2 }),
            new TargetedFabAttack(threat, new TargetedFabOptions { Search = new() { Iterations = 4 }, Classes = 2 }), new SquareAttack(threat, new SquareOptions { Queries = 20 }),
        ],
        BatchSize = 3, StatePath = state, SecurityCurve = state is null ? [] : [threat.Epsilon / 2],
    });

    private static string Perturb(IAttack attack, nn.Module<Tensor, Tensor> model, Tensor images, Tensor labels)
    {
        using var found = attack.Perturb(model, images, labels);
        return Fingerprint.Of(("found", found));
    }

    private static string Evaluate(ThreatModel threat, nn.Module<Tensor, Tensor> model, Tensor images, Tensor labels, string state)
    {
        File.Delete(state);
        using var report = Ensemble(threat, state).Evaluate(model, images, labels);
        // A second time, from the file alone.
        using var again = Ensemble(threat, state).Evaluate(model, images, labels);
        return string.Join(' ', new[] { report, again }.Select(r => $"{Fingerprint.Of(("found", r.Adversarial))} {string.Concat(r.Robust)} {string.Join(';', r.Findings.Select(f => f.Message))}"));
    }

    private static string Measure(IAttack attack, nn.Module<Tensor, Tensor> model, ImageDataset data)
    {
        var result = RobustnessEvaluator.Evaluate(model, data, attack, new() { BatchSize = 4 });
        return string.Concat(result.Correct) + string.Concat(result.Robust);
    }
}
