using Ardir.Distillation;

namespace Ardir.Tests;

/// <summary>Plan files: what they may leave out, and what they are refused for.</summary>
public sealed class ExperimentPlanTests
{
    private const string Least = """
        {
          // Only what has no default.
          "name": "least",
          "data": { "dataset": "Cifar10" },
          "threat": { "epsilon": "8/255" },
          "methods": [ { "name": "SAT", "loss": "sat" }, ],
          "attacks": [ { "name": "FGSM" } ],
        }
        """;

    [Fact]
    public void Parse_LeastPlan_HasTheDefaultsOfTheRecords()
    {
        var plan = ExperimentPlan.Parse(Least);

        plan.Threat.Epsilon.Should().Be(8 / 255.0);
        plan.Remark.Should().BeEmpty();
        plan.Seeds.Should().Equal(1UL, 2, 3);
        plan.Recipe.Should().BeEquivalentTo(new ExperimentRecipe());
        plan.Network.Should().BeEquivalentTo(new ExperimentNetwork());
        plan.Data.Should().Be(new ExperimentData { Dataset = ExperimentDataset.Cifar10 });
        plan.Methods.Should().Equal(new ExperimentMethod { Name = "SAT", Loss = "sat" });
        plan.Attacks[0].Weights.Should().Equal(KeptWeights.Best, KeptWeights.Last, KeptWeights.Average);
    }

    [Fact]
    public void Parse_PartOfARecipe_KeepsTheOtherDefaults()
    {
        var plan = ExperimentPlan.Parse(Least.Replace("\"methods\"", "\"recipe\": { \"batchSize\": 7 }, \"methods\"", StringComparison.Ordinal));

        plan.Recipe.Should().BeEquivalentTo(new ExperimentRecipe { BatchSize = 7 });
    }

    [Theory]
    [InlineData(ExperimentDataset.Cifar10, ExperimentScale.Full)]
    [InlineData(ExperimentDataset.Svhn, ExperimentScale.Full)]
    [InlineData(ExperimentDataset.Cifar10, ExperimentScale.Small)]
    [InlineData(ExperimentDataset.Fashion, ExperimentScale.Small)]
    public void ToJson_PlansOfThePaper_AreReadBackAsTheyWere(ExperimentDataset dataset, ExperimentScale scale)
    {
        foreach (var plan in new[] { PaperPlans.Comparison(dataset, scale), PaperPlans.BetaSweep(dataset, scale), PaperPlans.OpenQuestions(dataset, scale) })
            ExperimentPlan.Parse(plan.ToJson()).Should().BeEquivalentTo(plan, options => options.WithStrictOrdering());
    }

    [Theory]
    [InlineData(8 / 255.0, "\"8/255\"")]
    [InlineData(1 / 255.0, "\"1/255\"")]
    [InlineData(0.05, "0.05")]
    [InlineData(0.1, "0.1")]
    [InlineData(1.0, "1")]
    public void ToJson_Budgets_AreFractionsOnlyWhereTheyAreExact(double epsilon, string written) =>
        (ExperimentWorld.Plan() with { Threat = new ExperimentThreat { Epsilon = epsilon } }).ToJson().Should().Contain($"\"epsilon\": {written}");

    [Theory]
    [InlineData("\"name\": \"least\"", "\"name\": \" \"", "*name is empty*")]
    [InlineData("\"dataset\"", "\"datset\"", "*'datset'*")]
    [InlineData("\"Cifar10\"", "\"Cifar11\"", "*dataset*")]
    [InlineData("\"8/255\"", "\"8/0\"", "*'8/0' is neither a number nor a fraction*")]
    [InlineData("\"8/255\"", "-1", "*threat.epsilon is -1*")]
    [InlineData("\"loss\": \"sat\"", "\"loss\": \"sat\", \"teecher\": \"x\"", "*teecher*")]
    [InlineData("\"loss\": \"sat\"", "\"loss\": \"sat\", \"teacher\": \"x\"", "*no method 'x'; it has 'SAT'*")]
    [InlineData("\"loss\": \"sat\"", "\"loss\": \"sat\", \"teacher\": \"SAT\"", "*its own teacher*")]
    [InlineData("\"loss\": \"sat\"", "\"loss\": \"sat\", \"settings\": 3", "*settings of a method are an object*")]
    [InlineData("\"loss\": \"sat\"", "\"loss\": \"sat\", \"report\": \"Average\"", "*averageFrom is not set*")]
    [InlineData("\"loss\": \"sat\"", "\"loss\": \"sat\", \"averageFrom\": 200", "*expected an epoch from 0 to 199*")]
    [InlineData("\"loss\": \"sat\"", "\"loss\": \"sat\", \"loss\": \"ard\"", "*loss*")]
    [InlineData("\"SAT\"", "\"../SAT\"", "*'../SAT' names a folder*")]
    [InlineData("{ \"name\": \"SAT\", \"loss\": \"sat\" },", "{ \"name\": \"SAT\", \"loss\": \"sat\" }, { \"name\": \"sat\", \"loss\": \"sat\" }", "*more than once*")]
    [InlineData("{ \"name\": \"SAT\", \"loss\": \"sat\" },", "", "*methods is empty*")]
    [InlineData("{ \"name\": \"FGSM\" }", "{ \"name\": \"FGSM\", \"images\": 0 }", "*images of attack 'FGSM' is 0*")]
    [InlineData("{ \"name\": \"FGSM\" }", "{ \"name\": \"FGSM\", \"weights\": [] }", "*would attack nothing*")]
    [InlineData("{ \"name\": \"FGSM\" }", "null", "*attacks has an entry that is null*")]
    [InlineData("{ \"name\": \"FGSM\" }", "{ \"name\": \"../FGSM\" }", "*'../FGSM' is part of file names*")]
    [InlineData("{ \"name\": \"FGSM\" }", "{ \"name\": \"FGSM\", \"weights\": [\"Best\", \"Best\"] }", "*weights of attack 'FGSM' repeats one*")]
    [InlineData("{ \"name\": \"FGSM\" }", "{ \"name\": \"FGSM\", \"weights\": [7] }", "*weights of attack 'FGSM' is 7; expected one of Best, Last, Average*")]
    [InlineData("\"Cifar10\"", "9", "*data.dataset is 9; expected one of Cifar10*")]
    [InlineData("\"8/255\"", "\"8/255\", \"norm\": 9", "*threat.norm is 9*")]
    [InlineData("\"loss\": \"sat\"", "\"loss\": \"sat\", \"report\": 9", "*report of method 'SAT' is 9*")]
    [InlineData("\"methods\"", "\"recipe\": { \"epochs\": 60 }, \"methods\"", "*recipe.milestones are*100, 150], but the last epoch is 59*")]
    [InlineData("\"methods\"", "\"recipe\": { \"warmupEpochs\": 200 }, \"methods\"", "*recipe.warmupEpochs is 200*")]
    [InlineData("\"methods\"", "\"network\": { \"widths\": null }, \"methods\"", "*widths*")]
    [InlineData("\"methods\"", "\"network\": { \"widths\": [null] }, \"methods\"", "*widths*")]
    [InlineData("\"methods\"", "\"seeds\": [1, 1], \"methods\"", "*seeds has '1' more than once*")]
    [InlineData("\"methods\"", "\"seeds\": [-1], \"methods\"", "*seeds*")]
    [InlineData("\"methods\"", "\"seeds\": null, \"methods\"", "*seeds*")]
    [InlineData("\"methods\"", "\"recipe\": { \"learningRate\": 1e999 }, \"methods\"", "*recipe.learningRate*")]
    [InlineData("\"loss\": \"sat\"", "\"loss\": \"sat\", \"settings\": null", "*settings*")]
    public void Parse_WrongPlan_SaysWhere(string right, string wrong, string message)
    {
        Least.Should().Contain(right);

        var parse = () => ExperimentPlan.Parse(Least.Replace(right, wrong, StringComparison.Ordinal));

        parse.Should().Throw<FormatException>().WithMessage(message);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{ \"name\": ")]
    [InlineData("{ \"name\": null }")]
    public void Parse_NoPlan_IsRefused(string text)
    {
        var parse = () => ExperimentPlan.Parse(text);

        parse.Should().Throw<FormatException>().WithMessage("The plan is not a plan that can be run.*");
    }

    [Fact]
    public void Parse_TwoMethodsThatTeachEachOther_AreRefused()
    {
        var plan = ExperimentWorld.Plan();
        plan = plan with { Methods = [plan.Methods[0], plan.Methods[1] with { Loss = "ard", Teacher = "ARDIR" }] };

        var parse = () => ExperimentPlan.Parse(plan.ToJson());

        parse.Should().Throw<FormatException>().WithMessage("*its own teacher, directly or through others*");
    }

    [Fact]
    public void Only_AMethod_KeepsTheTeachersThatItNeeds()
    {
        var plan = PaperPlans.Comparison(ExperimentDataset.Cifar10, ExperimentScale.Full);

        plan.Only(["AKD2"]).Methods.Select(method => method.Name).Should().Equal("Standard", "SAT teacher", "AKD2");
        plan.Only(["SAT"]).Methods.Select(method => method.Name).Should().Equal("SAT");
        plan.Invoking(all => all.Only(["ardir"])).Should().Throw<ArgumentException>().WithMessage("*no method 'ardir'*'ARDIR-RC'*");
    }

    [Fact]
    public void Save_ThenLoad_GivesThePlan()
    {
        using var folder = new TemporaryFolder();
        var plan = ExperimentWorld.Plan();

        plan.Save(folder.File("plan.json"));

        ExperimentPlan.Load(folder.File("plan.json")).Should().BeEquivalentTo(plan);
    }

    [Fact]
    public void Comparison_FullScale_IsSection41OfThePaper()
    {
        var cifar = PaperPlans.Comparison(ExperimentDataset.Cifar10, ExperimentScale.Full);
        var svhn = PaperPlans.Comparison(ExperimentDataset.Svhn, ExperimentScale.Full);

        cifar.Recipe.Should().BeEquivalentTo(new
        {
            Epochs = 200, BatchSize = 128, LearningRate = 0.1, Milestones = new[] { 100, 150 }, WeightDecay = 5e-4, SelectionSteps = 20,
            AttackSteps = (int?)null, AttackStepSize = (double?)null,
        });
        svhn.Recipe.AttackStepSize.Should().Be(1 / 255.0);
        svhn.Recipe.SelectionStepSize.Should().Be(1 / 255.0);
        (cifar.Threat.Epsilon, svhn.Threat.Epsilon).Should().Be((8 / 255.0, 8 / 255.0));
        (cifar.Data.ValidationImages, cifar.Data.TrainImages, cifar.Data.Augment).Should().Be((0, null, true));
        cifar.Network.Widths.Should().Equal(64, 128, 256, 512);
        cifar.Network.BlocksPerStage.Should().Be(2);
        Betas(cifar).Should().Equal(0.4, 0.6, 0.1);
        Betas(svhn).Should().Equal(0.2, 0.8, 0.2);
        svhn.Method("ARD-RC").Settings.Number("temperature", 0).Should().Be(30);
        cifar.Method("ARD-RC").Settings.Number("temperature", 0).Should().Be(1);
        cifar.Method("IAD-I").Settings.Whole("begin", 0).Should().Be(60);
        cifar.Method("AKD2").AverageFrom.Should().Be(55);
    }

    private static IEnumerable<double> Betas(ExperimentPlan plan) =>
        new[] { "ARDIR-CC", "ARDIR-RC", "ARDIR-RA" }.Select(name => plan.Method(name).Settings.Number("beta", -1));
}
