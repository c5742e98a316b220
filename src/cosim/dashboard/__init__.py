"""The live page: levers → scenario → compute → bytes → small Vue components."""
